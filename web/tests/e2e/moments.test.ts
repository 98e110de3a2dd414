// Moments by hand: added, set at the playhead, split, named, deleted; questions as lanes; the part
// of the video; a question that is too long.
import type { Page } from 'playwright-core';
import { beforeAll, expect, inject, it } from 'vitest';
import type { Job, Video } from '../../src/api/types.ts';
import { downloaded, now, withProgram } from './browser.ts';
import { presentQuestion } from './program.ts';

const { program, visit } = withProgram();
let video: Video;
beforeAll(async () => {
  video = await program.add(inject('clips').shapes);
});
const corrections = async ({ id }: Job) => (await program.api<Job>('GET', `jobs/${id}`)).corrections;
const save = async (page: Page) => {
  await page.getByRole('button', { name: 'Save correction' }).click();
  await page.getByRole('button', { name: 'Take back' }).waitFor();
};
const frame = (seconds: number) => Math.round(seconds * 30) / 30;

it('shows where the model looked, and what the question attends to', async () => {
  const job = await program.answered(video, presentQuestion);
  const { page, end } = await visit(`#/video/${video.id}/job/${job.id}`);
  const looks = page.getByRole('img', { name: `Where the model looked: ${job.result!.sampling!.plan!.length} looks` });
  await looks.locator('path').waitFor();
  expect(job.result!.evidence!.curve.length).toBe(job.result!.sampling!.slots);
  expect(await looks.locator('rect').count()).toBe(job.result!.sampling!.plan!.length);
  // What was asked closely lies at the moment's edges.
  const start = job.result!.events![0]!.start;
  const closest = job.result!.sampling!.plan!.reduce((best, look) => (look.fps > best.fps ? look : best));
  expect(closest.from).toBeLessThan(job.result!.events![0]!.end + 1);
  expect(closest.to).toBeGreaterThan(start - 1);
  await end();
});

it('adds, marks, splits, names and deletes moments, and keeps what was made', async () => {
  const question = await program.absentQuestion(video);
  const job = await program.answered(video, question);
  expect(job.result!.events).toEqual([]);
  const { page, end } = await visit(`#/video/${video.id}/job/${job.id}`);
  await page.getByRole('heading', { name: 'Not found' }).waitFor();
  await page.locator('main').focus();
  const press = async (...keys: string[]) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  // From 3 s on, where I is pressed, to 7 s.
  await press('ArrowRight', 'ArrowRight', 'ArrowRight', 'i');
  await page.getByRole('heading', { name: '1 moment' }).waitFor();
  await press('ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowRight', 'o');
  await press('ArrowLeft', 's'); // at 6 s
  await page.getByRole('heading', { name: '2 moments' }).waitFor();
  await press('End', 'n');
  await page.getByRole('heading', { name: '3 moments' }).waitFor();
  await page.getByRole('textbox', { name: 'Label of moment 3' }).fill('the very end');
  await page.getByRole('textbox', { name: 'Label of moment 3' }).press('Enter');
  // What a person set has no confidence, least of all 100%.
  expect(await page.getByText('set by hand', { exact: true }).filter({ visible: true }).count()).toBe(3);
  expect(await page.getByText(/\d%/).filter({ visible: true }).allInnerTexts()).toEqual(['0%']); // the slider's own
  await save(page);
  const kept = (await corrections(job))!;
  expect(kept.slice(0, 2)).toEqual([
    { start: 3, end: 6, label: question },
    { start: 6, end: 7, label: question },
  ]);
  expect(kept[2]).toMatchObject({ end: Math.round(video.duration * 1000) / 1000, label: 'the very end' });

  await page.getByRole('button', { name: /^Go to moment 2/ }).click();
  await page.getByRole('button', { name: 'Delete this moment' }).click();
  await page.getByRole('heading', { name: '2 moments' }).waitFor();
  await save(page);
  expect((await corrections(job))!.map(({ start }) => start)).toEqual([3, kept[2]!.start]);
  await page.getByRole('button', { name: 'Take back' }).click();
  await page.getByRole('heading', { name: 'Not found' }).waitFor();
  await end();
});

it('snaps edges to frames, and keeps the confidence of what nobody touched', async () => {
  const job = await program.answered(video, presentQuestion);
  const { start, end: stop, confidence } = job.result!.events![0]!;
  const { page, end } = await visit(`#/video/${video.id}/job/${job.id}`);
  await page.getByRole('button', { name: /^Go to moment 1/ }).click();
  const edge = page.getByRole('slider', { name: 'End of moment 1' });
  const value = async () => Number(await edge.getAttribute('aria-valuenow'));
  const box = (await edge.boundingBox())!;
  await page.mouse.move(box.x + 7, box.y + 10);
  await page.mouse.down();
  for (const by of [31, 47, 66]) {
    await page.mouse.move(box.x + 7 + by, box.y + 10);
    expect(await value()).toBeCloseTo(frame(await value()), 2.9);
  }
  await page.mouse.up();
  const moved = await value();
  expect(moved).toBeGreaterThan(stop);
  await edge.press('ArrowRight');
  expect(await value()).toBeCloseTo(frame(moved) + 1 / 30, 2.9);
  await page.getByText('set by hand', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Discard' }).click();
  await page.getByText(`confidence ${Math.round(100 * confidence!)}%`).first().waitFor();

  // I at the playhead, between two frames.
  await page.getByRole('button', { name: /^Go to moment 1/ }).click();
  await page.locator('main').focus();
  await page.keyboard.press('.');
  await page.keyboard.press('i');
  await save(page);
  const [first] = (await corrections(job))!;
  expect(first!.start).toBeCloseTo(frame(start + 1 / 30), 1);
  expect(first!.start).toBeCloseTo(frame(first!.start), 2.9);
  expect(await now(page)).toBeCloseTo(first!.start, 2);
  await program.api('PUT', `jobs/${job.id}/corrections`, { events: null });
  await end();
});

it('draws an edge to a cut nearby', async () => {
  const job = await program.answered(video, presentQuestion);
  const { cuts } = await program.api<{ cuts: number[] }>('GET', `videos/${video.id}/cuts?from=6.9&to=7.2`);
  expect(cuts).toEqual([7]); // another background
  const { page, end } = await visit(`#/video/${video.id}/job/${job.id}`);
  const searched = page.waitForResponse((response) => response.url().includes('/cuts?'));
  await page.getByRole('button', { name: /^Go to moment 1/ }).click();
  await searched;
  await page.waitForTimeout(500); // both ends
  const edge = page.getByRole('slider', { name: 'End of moment 1' });
  const value = async () => Number(await edge.getAttribute('aria-valuenow'));
  const perSecond = (await page.locator('.surface').boundingBox())!.width / video.duration;
  const box = (await edge.boundingBox())!;
  const grip = { x: box.x + 7, y: box.y + 10, time: await value() };
  const dragTo = (time: number) => page.mouse.move(grip.x + (time - grip.time) * perSecond, grip.y);
  await page.mouse.move(grip.x, grip.y);
  await page.mouse.down();
  await dragTo(7 + 6 / perSecond);
  expect(await value()).toBe(7);
  await dragTo(7 + 20 / perSecond);
  expect(await value()).toBeCloseTo(frame(7 + 20 / perSecond), 1);
  expect(await value()).not.toBe(7);
  await page.mouse.up();
  await end();
});

it('lays several questions on one timeline', async () => {
  const other = await program.answered(video, 'When is the green heart visible?');
  const job = await program.answered(video, presentQuestion);
  const { page, end } = await visit(`#/video/${video.id}/job/${job.id}`);
  await page.getByRole('tab', { name: 'History' }).click();
  await page.getByRole('button', { name: `“${other.query}” on the timeline` }).click();
  const lane = page.getByRole('group', { name: other.query });
  const { start, end: stop } = other.result!.events![0]!;
  const bar = lane.getByRole('button', { name: new RegExp(`^${other.query.replace('?', '.')}`) });
  const track = (await page.locator('.surface').boundingBox())!;
  const box = (await bar.boundingBox())!;
  expect((box.x - track.x) / track.width).toBeCloseTo(start / video.duration, 2);
  expect(box.width / track.width).toBeCloseTo((stop - start) / video.duration, 2);
  // Both change places; nothing goes.
  await bar.click();
  await page.locator('blockquote', { hasText: other.query }).waitFor();
  expect(await now(page)).toBeCloseTo(start);
  await page.getByRole('group', { name: presentQuestion }).waitFor();
  await page.getByRole('button', { name: `Take “${presentQuestion}” off the timeline` }).click();
  await page.getByRole('group', { name: presentQuestion }).waitFor({ state: 'detached' });
  await end();
});

it('asks about a part of the video', async () => {
  const { page, end } = await visit(`#/video/${video.id}`);
  const [from, to] = [page.getByRole('textbox', { name: 'From' }), page.getByRole('textbox', { name: 'to', exact: true })];
  const find = page.getByRole('button', { name: 'Find' });
  await page.getByRole('textbox', { name: 'Your question' }).fill(presentQuestion);
  await from.fill('later');
  await page.getByText('This is no time').waitFor();
  expect(await find.isDisabled()).toBe(true);
  await from.fill('12');
  await to.fill('0:03');
  await page.getByText('Nothing lies between these times').waitFor();
  await from.fill('0:03');
  await to.fill('00:00:12.500');
  expect(await page.locator('.outside').count()).toBe(2);
  await find.click();
  await page.locator('blockquote').waitFor();
  await expect.poll(async () => (await program.newestJob()).options).toMatchObject({ from: 3, to: 12.5 });
  // The part in view, and the whole again.
  await page.getByRole('button', { name: 'Zoom in' }).click();
  await page.getByRole('button', { name: 'Part in view' }).click();
  expect(await from.inputValue()).toMatch(/^00:00:0\d\.\d{3}$/);
  await page.getByRole('button', { name: 'Whole video', exact: true }).click();
  expect(await from.inputValue()).toBe('');
  await end();
});

it('says beforehand that a question is too long, and never lets one flood the answer', async () => {
  const { page, end } = await visit(`#/video/${video.id}`);
  const box = page.getByRole('textbox', { name: 'Your question' });
  const { max_question: most = 10_000 } = await program.api<{ max_question?: number }>('GET', 'model');
  await box.fill('长'.repeat(most));
  await page.getByText(`${most.toLocaleString('en')} of ${most.toLocaleString('en')} characters`).waitFor();
  expect(await page.getByRole('button', { name: 'Find' }).isEnabled()).toBe(true);
  await box.fill('x'.repeat(30_000));
  await page.getByRole('alert').getByText('30,000 characters; a question has at most').waitFor();
  expect(await page.getByRole('button', { name: 'Find' }).isDisabled()).toBe(true);
  await box.press('Enter');
  expect((await program.newestJob()).query).not.toContain('xxx');

  // A long one that came another way.
  const job = await program.answered(video, `When ${'and when '.repeat(150)}?`, { from: 900, to: 901 });
  await page.goto(`${program.url}#/video/${video.id}/job/${job.id}`);
  const card = page.locator('.card.bad');
  await card.waitFor();
  const bottom = (await card.boundingBox())!;
  expect(bottom.y + bottom.height).toBeLessThan(800); // seen without scrolling
  await page.getByRole('button', { name: /^Whole question, 1,35\d characters/ }).click();
  expect((await page.locator('blockquote').innerText()).length).toBeGreaterThan(1300);
  await end();
});

it('saves all moments as one clip, or as a ZIP of clips', async () => {
  const job = await program.answered(video, presentQuestion);
  const spans = [[1, 2], [5, 6.5], [9, 10]].map(([start, end]) => ({ start, end, label: 'here' }));
  await program.api('PUT', `jobs/${job.id}/corrections`, { events: spans });
  const { page, end } = await visit(`#/video/${video.id}/job/${job.id}`);
  const saved = async (name: RegExp) => {
    await page.getByRole('button', { name: 'Clips', exact: true }).click();
    return downloaded(page, () => page.getByRole('button', { name }).first().click());
  };
  const joined = await saved(/^3 moments joined in one clip/);
  expect(joined.name).toBe('shapes joined.mp4');
  expect((await program.add('joined.mp4', joined.content)).duration).toBeCloseTo(3.5, 1);
  const zip = await saved(/^3 clips in a ZIP/);
  expect(zip.name).toBe('shapes clips.zip');
  expect(zip.content.toString('latin1').match(/PK\x01\x02/g)).toHaveLength(3); // one entry each

  // What is not saved, or hidden, counts as it is shown.
  await page.getByRole('button', { name: /^Go to moment 2/ }).click();
  await page.getByRole('button', { name: 'Delete this moment' }).click();
  const two = await saved(/^2 moments joined in one clip/);
  expect((await program.add('two.mp4', two.content)).duration).toBeCloseTo(2, 1);
  await program.api('PUT', `jobs/${job.id}/corrections`, { events: null });
  await end();
});
