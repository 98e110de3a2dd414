// From the upload to the export: what a person does with one video.
import type { Page } from 'playwright-core';
import { beforeAll, expect, inject, it } from 'vitest';
import type { AnswerEvent, Job, Video } from '../../src/api/types.ts';
import { ask, downloaded, now, withProgram } from './browser.ts';
import { presentQuestion, slow } from './program.ts';

const { program, visit } = withProgram();
const { shapes, long, longer } = inject('clips');
let video: Video;
beforeAll(async () => {
  video = await program.add(shapes);
});

// As the page writes times by default.
const text = (seconds: number) => `00:00:${seconds.toFixed(3).padStart(6, '0')}`;
const theOne = (job: Job): AnswerEvent => {
  expect(job.result?.events).toHaveLength(1);
  return job.result!.events![0]!;
};
const inHistory = (page: Page) => page.getByRole('tabpanel').getByRole('listitem').count();

it('takes a video, answers a question, and shows the moment where it is', async () => {
  await program.api('DELETE', `videos/${video.id}`);
  const { page, end } = await visit();
  await page.getByRole('heading', { name: 'No videos yet' }).waitFor();
  await page.locator('input[type=file]').setInputFiles(shapes);
  await ask(page, presentQuestion); // the only video opens by itself
  const bar = page.getByRole('list', { name: 'Moments on the timeline' }).getByRole('button');
  await bar.waitFor();
  const { start, end: stop, confidence } = theOne(await program.newestJob());
  const name = await bar.innerText();
  for (const part of [text(start), text(stop), `confidence ${Math.round(100 * confidence!)}%`]) expect(name).toContain(part);

  const track = (await page.locator('.surface').boundingBox())!;
  const box = (await bar.boundingBox())!;
  expect((box.x - track.x) / track.width).toBeCloseTo(start / video.duration, 2);
  expect(box.width / track.width).toBeCloseTo((stop - start) / video.duration, 2);

  // The first moment is selected and shown; a click elsewhere seeks there.
  expect(await now(page)).toBeCloseTo(start);
  await page.mouse.click(track.x + track.width * 0.8, track.y + 60);
  const there = 0.8 * video.duration;
  expect(await now(page)).toBeCloseTo(there, 1);
  const played = () => page.evaluate(() => document.querySelector('video')!.currentTime);
  await expect.poll(played).toBeCloseTo(there, 1);
  await bar.click();
  expect(await now(page)).toBeCloseTo(start);

  // Zooming keeps what is under the pointer there.
  await page.mouse.move(box.x, track.y + 60);
  await page.mouse.wheel(0, -400);
  await expect.poll(async () => (await bar.boundingBox())!.width).toBeGreaterThan(box.width * 1.5);
  expect((await bar.boundingBox())!.x).toBeCloseTo(box.x, -1);
  await end();
});

it('exports an answer in every format', async () => {
  const job = await program.answered(video, presentQuestion);
  const { start, end: stop } = theOne(job);
  const { page, end } = await visit(`#/video/${video.id}/job/${job.id}`);
  const content = async (format: string) => {
    await page.getByRole('button', { name: 'Export' }).click();
    const item = page.getByRole('button', { name: new RegExp(`^${format} `) });
    const file = await downloaded(page, () => item.click());
    expect(file.name).toMatch(new RegExp(`^shapes .*\\.${format.toLowerCase()}$`));
    return file.content.toString();
  };
  expect((JSON.parse(await content('JSON')) as { events: unknown }).events).toEqual(job.result!.events);
  expect(await content('CSV')).toContain(`shapes.mp4,${presentQuestion},${start.toFixed(3)},${stop.toFixed(3)}`);
  expect(await content('SRT')).toContain(`${text(start)} --> ${text(stop)}`.replaceAll('.', ','));
  expect(await content('VTT')).toMatch(new RegExp(`^WEBVTT[^]*${text(start)} --> ${text(stop)}`));
  expect(await content('EDL')).toContain('* FROM CLIP NAME: shapes.mp4');
  await end();
});

it('shows the very frames that the model saw, and more of them on demand', async () => {
  const job = await program.answered(video, presentQuestion, { frame_sampling_rate: 10, max_frames: 120 });
  const { page, end } = await visit(`#/video/${video.id}/job/${job.id}`);
  const times = async (from: number) => {
    const response = await fetch(`${program.url}api/v1/jobs/${job.id}/frames?from=${from}`);
    return response.headers.get('X-Frame-Times')!.split(',').map(Number);
  };
  const first = await times(0);
  const all = [...first, ...(await times(first.length))];
  expect(all).toHaveLength(job.result!.sampling!.frames);
  await page.getByRole('tab', { name: 'What it saw' }).click();
  const frames = page.getByRole('button', { name: /^Frame at/ });
  await expect.poll(() => frames.count()).toBe(first.length);
  await page.getByRole('button', { name: /^Frame at/ }).last().scrollIntoViewIfNeeded(); // the rest comes by itself
  await expect.poll(() => frames.count()).toBe(all.length);
  await frames.nth(33).click();
  expect(await now(page)).toBeCloseTo(all[33]!, 2);
  await end();
});

it('saves a moment as a clip', async () => {
  const job = await program.answered(video, presentQuestion);
  const { start, end: stop } = theOne(job);
  const { page, end } = await visit(`#/video/${video.id}/job/${job.id}`);
  const clip = async (mode: string) => {
    await page.getByRole('button', { name: 'Save moment 1 as a clip' }).click();
    const { name, content } = await downloaded(page, () => page.getByRole('button', { name: mode }).click());
    const [, from, to] = /^shapes (\d+\.\d{3})-(\d+\.\d{3})\.mp4$/.exec(name)!.map(Number);
    const { duration } = await program.add(`${from}.mp4`, content);
    expect(duration).toBeCloseTo(to! - from!, 1);
    return [from!, to!];
  };
  const [from, to] = await clip('Exact cut');
  expect(from).toBeCloseTo(start, 1);
  expect(to).toBeCloseTo(stop, 1);
  const [key, after] = await clip('Fast cut'); // from the key frame before
  expect(key).toBeLessThanOrEqual(from!);
  expect(after).toBeGreaterThanOrEqual(to! - 0.05);
  await end();
});

it('says plainly when nothing was found', async () => {
  const question = await program.absentQuestion(video);
  const { id: before } = await program.newestJob(); // the same question; the page opens with its answer
  const { page, end } = await visit(`#/video/${video.id}`);
  await ask(page, question);
  await page.waitForURL(({ hash }) => hash.includes('/job/') && !hash.includes(before));
  await page.locator('blockquote', { hasText: question }).waitFor();
  await page.getByRole('heading', { name: 'Not found' }).waitFor();
  await page.getByText(/^The model looked at \d+ frames between/).waitFor();
  // Once, with advice that the notes do not contradict.
  expect(await page.getByRole('main').getByText(/not found|does not (occur|happen)/i).filter({ visible: true }).count()).toBe(1);
  expect(await page.getByRole('list', { name: 'Moments on the timeline' }).getByRole('listitem').count()).toBe(0);
  await end();
});

it('shows the progress, cancels, tries again, and says why a question failed', async () => {
  const clip = await program.add(long);
  const { page, end } = await visit(`#/video/${clip.id}`);
  // The page has no setting for the length of an answer.
  await page.route('**/api/v1/jobs', async (route) => {
    const body = route.request().postDataJSON() as { jobs: { options: object }[] } | null;
    const { max_new_tokens, free_text } = slow;
    for (const { options } of body?.jobs ?? []) Object.assign(options, { max_new_tokens, free_text });
    await route.continue(body ? { postData: JSON.stringify(body) } : {});
  });
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByRole('spinbutton', { name: 'Frames a second' }).fill('30');
  await page.getByRole('spinbutton', { name: 'Frames at most' }).fill('1000');
  await page.keyboard.press('Escape');
  await ask(page, 'When does this take long?');
  const progress = page.getByRole('progressbar', { name: 'Progress of the answer' });
  await progress.waitFor();
  await page.locator('.progress').getByText(/^about .* left$/).waitFor();
  await expect.poll(async () => Number(await progress.getAttribute('aria-valuenow'))).toBeGreaterThan(5);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('heading', { name: 'Cancelled' }).waitFor();
  expect(await program.newestJob()).toMatchObject({ state: 'cancelled', options: slow });
  await page.getByRole('button', { name: 'Try again' }).click();
  await progress.waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('heading', { name: 'Cancelled' }).waitFor();

  const failed = await program.answered(clip, 'What is after the end?', { from: 900, to: 901 });
  await page.goto(`${program.url}#/video/${clip.id}/job/${failed.id}`);
  await page.getByText(failed.error!.message).waitFor();
  await page.getByRole('tab', { name: 'History' }).click();
  await expect.poll(() => inHistory(page)).toBe(2);
  await page.getByRole('searchbox', { name: 'Search questions' }).fill('after');
  await expect.poll(() => inHistory(page)).toBe(1);
  await end();
});

it('keeps an answer that comes before the response to its question', async () => {
  const { page, end } = await visit(`#/video/${video.id}`);
  await page.route('**/api/v1/jobs', async (route) => {
    const response = await route.fetch();
    const { jobs } = (await response.json()) as { jobs: Job[] };
    const path = `jobs/${jobs[0]!.id}`;
    await page.waitForResponse(async (other) => other.url().endsWith(path) && ((await other.json()) as Job).state === 'done');
    await route.fulfill({ response });
  });
  await ask(page, presentQuestion);
  await page.getByRole('heading', { name: '1 moment' }).waitFor();
  await end();
});

it('says why on demand', async () => {
  const { page, end } = await visit(`#/video/${video.id}`);
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByRole('checkbox', { name: 'Say why' }).check();
  await page.keyboard.press('Escape');
  await ask(page, presentQuestion);
  await page.getByText(/^00:00:0.* looked at \d+ times/).waitFor();
  expect((await program.newestJob()).options).toMatchObject({ return_reasoning: true });
  await end();
});

it('answers in words alone when no times are asked for', async () => {
  const { page, end } = await visit(`#/video/${video.id}`);
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByText('nano', { exact: true }).waitFor(); // the model
  await page.getByRole('checkbox', { name: 'Look for times' }).uncheck();
  await page.getByRole('spinbutton', { name: 'Frames a second' }).fill('1.5');
  await page.getByRole('combobox', { name: 'Time format' }).selectOption('seconds');
  await page.keyboard.press('Escape');
  await ask(page, 'What is there?');
  await page.locator('.prose.large').waitFor();
  expect((await program.newestJob()).options).toEqual({
    enable_temporal_grounding: false,
    frame_sampling_rate: 1.5,
    output_format: 'seconds',
  });
  await end();
});

it('finds its job again after a reload and after the server went away', async () => {
  const clip = await program.add(longer); // that no test before has filled a cache for
  const { page, end } = await visit(`#/video/${clip.id}`, {}, /ERR_|Failed to load|Failed to fetch/);
  const { id } = await program.ask(clip, 'When does it happen?', slow);
  await page.reload(); // without the job's id: it is running, so it is shown
  const progress = page.getByRole('progressbar', { name: 'Progress of the answer' });
  await progress.waitFor();
  expect(page.url()).toContain(`/job/${id}`);
  await page.reload();
  await progress.waitFor();
  await program.kill();
  await page.getByText('The connection to the server is lost.').waitFor();
  await program.start();
  await page.getByText('The connection to the server is lost.').waitFor({ state: 'hidden' });
  await expect.poll(async () => (await program.api<Job>('GET', `jobs/${id}`)).state).toBe('running'); // again
  await progress.waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('heading', { name: 'Cancelled' }).waitFor();
  await end();
});
