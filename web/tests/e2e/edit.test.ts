// The timeline under the hand: steps, edges, loops, and everything by keyboard alone.
import { beforeAll, expect, inject, it } from 'vitest';
import type { Job, Video } from '../../src/api/types.ts';
import { now, withProgram } from './browser.ts';
import { presentQuestion } from './program.ts';

const { program, visit } = withProgram();
let video: Video;
beforeAll(async () => {
  video = await program.add(inject('clips').shapes);
});
const correctionsOf = async ({ id }: Job) => (await program.api<Job>('GET', `jobs/${id}`)).corrections;

it('steps by frames and moves by keys', async () => {
  const { page, end } = await visit(`#/video/${video.id}`);
  await page.locator('video').waitFor();
  await page.locator('main').focus();
  const press = async (keys: string[]) => {
    for (const key of keys) await page.keyboard.press(key);
    return now(page);
  };
  expect(await press(['ArrowRight', 'ArrowRight', 'ArrowLeft'])).toBeCloseTo(1);
  expect(await press(['.', '.', '.'])).toBeCloseTo(1 + 3 / 30, 2);
  expect(await press([','])).toBeCloseTo(1 + 2 / 30, 2);
  expect(await press(['End'])).toBeCloseTo(video.duration);
  expect(await press(['Home'])).toBe(0);
  await page.keyboard.press('l');
  await page.getByRole('button', { name: 'Pause' }).waitFor();
  await expect.poll(() => now(page)).toBeGreaterThan(0.3);
  await page.keyboard.press('k');
  await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
  await end();
});

it('corrects an edge, keeps the correction, and takes it back', async () => {
  const job = await program.answered(video, presentQuestion);
  const { start, end: stop } = job.result!.events![0]!;
  const { page, end } = await visit(`#/video/${video.id}/job/${job.id}`);
  await page.getByRole('button', { name: /^Go to moment 1/ }).click();
  const edge = page.getByRole('slider', { name: 'End of moment 1' });
  const value = async () => Number(await edge.getAttribute('aria-valuenow'));
  expect(await value()).toBeCloseTo(stop, 3);

  const box = (await edge.boundingBox())!;
  const pixels = ((await page.locator('.surface').boundingBox())!.width * 1.5) / video.duration;
  await page.mouse.move(box.x + 7, box.y + 10);
  await page.mouse.down();
  await page.mouse.move(box.x + 7 + pixels, box.y + 10, { steps: 4 });
  await page.mouse.up();
  await expect.poll(value).toBeCloseTo(stop + 1.5, 1);
  expect(await now(page)).toBeCloseTo(stop + 1.5, 1); // the player shows the frame there

  await page.getByRole('button', { name: 'Save correction' }).click();
  await page.getByRole('button', { name: 'Take back' }).waitFor();
  const [saved] = (await correctionsOf(job))!;
  expect(saved!.start).toBeCloseTo(start, 3);
  expect(saved!.end).toBeCloseTo(stop + 1.5, 1);
  await page.reload();
  await page.getByText('set by hand', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Take back' }).click();
  await page.getByText('set by hand', { exact: true }).waitFor({ state: 'hidden' });
  expect(await correctionsOf(job)).toBeNull();
  await end();
});

it('hides unsure moments, loops one, and goes from one to the next', async () => {
  // The model is not quite sure of this one: 96%.
  const job = await program.answered(video, 'When is the green heart visible?');
  const [untouched] = job.result!.events!;
  const spans = [[untouched!.start, untouched!.end], [5, 6], [9, 10.5]].map(([start, end]) => ({ start, end, label: 'here' }));
  await program.api('PUT', `jobs/${job.id}/corrections`, { events: spans });
  const { page, end } = await visit(`#/video/${video.id}/job/${job.id}`);
  await page.getByRole('heading', { name: '3 moments' }).waitFor();
  const bars = page.getByRole('list', { name: 'Moments on the timeline' }).getByRole('listitem');
  expect(await bars.count()).toBe(3);
  // The first is the model's; those that a person set have no confidence and stay.
  await page.getByRole('slider', { name: 'Least confidence of moments shown' }).fill('1');
  expect(await bars.count()).toBe(2);
  await page.getByText('1 below 100% confidence hidden').waitFor();

  await page.locator('main').focus();
  await page.keyboard.press('ArrowDown');
  expect(await now(page)).toBeCloseTo(5, 1);
  await page.keyboard.press('ArrowDown');
  expect(await now(page)).toBeCloseTo(9, 1);
  await page.keyboard.press('r');
  await page.getByRole('button', { name: 'Stop looping' }).waitFor();
  await page.getByRole('button', { name: 'Pause' }).waitFor();
  await page.evaluate(() => (document.querySelector('video')!.playbackRate = 4));
  // Several times the moment's length later it is still in it.
  for (let n = 0; n < 6; ++n) {
    await page.waitForTimeout(200);
    expect(await now(page)).toBeGreaterThan(8.8);
    expect(await now(page)).toBeLessThan(10.8);
  }
  await page.keyboard.press('+');
  await page.getByRole('button', { name: 'Show the whole video' }).click();
  await end();
});

it('does everything by keyboard alone', async () => {
  const { page, end } = await visit();
  const press = async (...keys: string[]) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent?.trim());
  const tabTo = async (name: RegExp) => {
    for (let n = 0; n < 40; ++n) {
      await page.keyboard.press('Tab');
      if (name.test((await focused()) ?? '')) return;
    }
    throw new Error(`Tab never comes to ${name}`);
  };
  await page.getByRole('article').waitFor();
  await tabTo(/^Skip to content$/);
  await press('Enter');
  const chooser = page.waitForEvent('filechooser');
  await tabTo(/^Choose files/);
  await press('Enter');
  await (await chooser).setFiles([]);
  await tabTo(/shapes\.mp4/);
  await press('Enter');
  await page.getByRole('textbox', { name: 'Your question' }).waitFor();
  await press('/');
  await page.keyboard.type(presentQuestion);
  await press('Enter');
  await page.getByRole('heading', { name: '1 moment' }).waitFor();
  const { start } = (await program.newestJob()).result!.events![0]!;
  await press('Escape', 'Escape', 'Home', 'ArrowDown'); // out of the field, none chosen, and to the moment
  expect(await now(page)).toBeCloseTo(start);
  await tabTo(/^Start of moment 1$/);
  await press('Shift+ArrowLeft', 'Enter');
  await page.getByRole('button', { name: 'Take back' }).waitFor();
  expect((await correctionsOf(await program.newestJob()))![0]!.start).toBeCloseTo(Math.round((start - 1) * 30) / 30, 2); // at a frame
  await tabTo(/^Export$/);
  await press('Enter', 'ArrowDown', 'Escape');
  expect(await focused()).toBe('Export');
  await press('?');
  await page.getByRole('dialog', { name: 'Help' }).waitFor();
  await press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await end();
});
