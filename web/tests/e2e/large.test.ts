// Two hours of video, thousands of moments, jobs and videos: everything is shown or counted, and
// what is in the document stays small.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { beforeAll, expect, inject, it } from 'vitest';
import type { Video } from '../../src/api/types.ts';
import { withProgram } from './browser.ts';
import { slow } from './program.ts';

const { program, visit } = withProgram('--queue', '20000');
const { hours, tiny, long } = inject('clips');
const duration = 7200;
let video: Video;
beforeAll(async () => {
  video = await program.add(hours);
});

const nodes = (page: Page) => page.evaluate(() => document.querySelectorAll('*').length);

interface Tile {
  from: number; // seconds that the tile stands for
  to: number;
  number: number | null; // of the frame that is drawn in it, null: none
}

// What the filmstrip shows: the tiles that are wholly in view, their bars read as numbers.
function tiles(page: Page): Promise<Tile[]> {
  return page.evaluate((seconds) => {
    const part = document.querySelector<HTMLElement>('.overview .window')!.style;
    const from = (parseFloat(part.left) / 100) * seconds;
    const span = (parseFloat(part.width) / 100) * seconds;
    const canvas = document.querySelector<HTMLCanvasElement>('.filmstrip canvas')!;
    const { width, height } = canvas;
    const pixels = canvas.getContext('2d')!.getImageData(0, 0, width, height).data;
    const bright = (x: number) => pixels[4 * (Math.round(height / 2) * width + Math.round(x))]! > 128;
    const drawn = (x: number) => pixels[4 * (Math.round(height / 2) * width + Math.round(x)) + 3]! > 200;
    const tile = (height * 208) / 112;
    const offset = (from / span) * width;
    const result = [];
    for (let n = Math.ceil(offset / tile); (n + 1) * tile - offset < width; ++n) {
      const x = n * tile - offset;
      const at = (k: number) => x + ((k + 0.5) * tile) / 13;
      let number: number | null = null;
      if (drawn(at(6))) {
        number = 0;
        for (let k = 0; k < 13; ++k) if (bright(at(k))) number += 2 ** k;
      }
      result.push({ from: from + (x / width) * span, to: from + ((x + tile) / width) * span, number });
    }
    return result;
  }, duration);
}

// Frame n is on screen from second n to n + 1. A picture may stand a slot beside its tile.
function misplaced(all: Tile[]): Tile[] {
  return all.filter(({ from, to, number }) => {
    if (number === null) return false;
    const length = to - from;
    return number + 1 < from - length / 2 || number > to + length / 2;
  });
}

it('shows each second of two hours at its place while one zooms, and never another', async () => {
  const { page, end } = await visit(`#/video/${video.id}`);
  const complete = async () => {
    const all = await tiles(page);
    return all.length > 5 && all.every(({ number }) => number !== null);
  };
  await expect.poll(complete).toBe(true);
  expect(misplaced(await tiles(page))).toEqual([]);
  const surface = (await page.locator('.surface').boundingBox())!;
  await page.mouse.move(surface.x + surface.width * 0.77, surface.y + 60);
  let empty = 0;
  for (let closer = 0; closer < 9; ++closer) {
    await page.mouse.wheel(0, -450);
    // At once, and while the pictures come.
    for (let n = 0; n < 4; ++n) {
      const now = await tiles(page);
      expect(misplaced(now)).toEqual([]);
      empty += now.filter(({ number }) => number === null).length;
      await page.waitForTimeout(60);
    }
  }
  await expect.poll(complete).toBe(true);
  const last = await tiles(page);
  expect(last[0]!.to - last[0]!.from).toBeLessThan(2);
  expect(misplaced(last)).toEqual([]);
  expect(new Set(last.map(({ number }) => number)).size).toBeGreaterThan(4); // single frames
  expect(empty).toBeGreaterThan(0); // there was nothing instead of something wrong
  await end();
});

it('marks every frame that the model saw, to the end of the video', async () => {
  const job = await program.answered(video, 'When is it dark?', { frame_sampling_rate: 0.05 });
  const seen = job.result!.sampling!.frames;
  expect(seen).toBeGreaterThan(200);
  const { times } = await program.api<{ times: number[] }>('GET', `jobs/${job.id}/frame-times`);
  expect(times).toHaveLength(seen);
  const { page, end } = await visit(`#/video/${video.id}/job/${job.id}`);
  // Of the strip's width, from the left: where marks are.
  const marked = () =>
    page.evaluate(() => {
      const canvas = document.querySelector<HTMLCanvasElement>('.filmstrip .marks')!;
      const { width, height } = canvas;
      const row = canvas.getContext('2d')!.getImageData(0, height - 4, width, 1).data;
      return Array.from({ length: width }, (_, x) => row[4 * x + 3]! > 0);
    });
  await expect.poll(async () => (await marked()).lastIndexOf(true) / (await marked()).length).toBeGreaterThan(0.99);
  const places = await marked();
  for (const time of times) expect(places[Math.min(places.length - 1, Math.round((time / duration) * places.length))], `${time}`).toBe(true);
  await page.getByRole('tab', { name: 'What it saw' }).click();
  await page.getByText(`of ${seen} shown`).waitFor();
  await end();
});

it('shows 2,000 moments of one answer', async () => {
  const job = await program.answered(video, 'When is it light?', { frame_sampling_rate: 0.01 });
  const events = Array.from({ length: 2000 }, (_, n) => ({ start: n * 3.6, end: n * 3.6 + 2, label: `moment ${n + 1}` }));
  await program.api('PUT', `jobs/${job.id}/corrections`, { events });
  const { page, end } = await visit(`#/video/${video.id}/job/${job.id}`);
  await page.getByRole('heading', { name: '2000 moments' }).waitFor();
  expect(await nodes(page)).toBeLessThan(3000);

  // All of them are on the timeline: what has no room stands together.
  const bars = page.getByRole('list', { name: 'Moments on the timeline' }).getByRole('button');
  const counts = (await bars.allInnerTexts()).map(Number);
  expect(counts.length).toBeLessThan(60);
  expect(counts.reduce((sum, n) => sum + n, 0)).toBe(2000);
  await bars.first().click(); // closer
  await expect.poll(() => page.getByRole('button', { name: /^Moment 1 / }).count()).toBeGreaterThan(0);

  // And in the list: the last one by scrolling, any one by selecting it.
  const panel = page.getByRole('tabpanel');
  await expect
    .poll(async () => {
      await panel.evaluate((element) => element.scrollTo(0, element.scrollHeight));
      return page.getByRole('button', { name: /^Go to moment 2000 / }).count();
    })
    .toBe(1);
  expect(await nodes(page)).toBeLessThan(4000);
  await page.locator('main').focus();
  await page.keyboard.press('End');
  await page.keyboard.press('ArrowUp');
  await page.locator('.row.selected[data-moment="2000"]').waitFor();
  await end();
});

// These two keep a server busy for minutes: ./test --all alone runs them.
const patient = it.runIf(process.env.SHIJIAN_TEST_LARGE);

patient('lists 10,000 jobs', async () => {
  const clip = await program.add(long);
  await program.ask(clip, 'the one in front', slow);
  for (let n = 0; n < 10; ++n) {
    const queries = Array.from({ length: 1000 }, (_, i) => `question ${n * 1000 + i + 1}`);
    await program.api('POST', 'jobs', { video_id: video.id, queries, priority: -5, options: slow });
  }
  const { page, end } = await visit('#/queue');
  await page.getByText(/of 10,00\d shown/).waitFor();
  const items = page.getByRole('main').getByRole('listitem');
  expect(await items.count()).toBeGreaterThan(40);
  let most = 0;
  // Down through a thousand of them.
  await expect
    .poll(
      async () => {
        await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
        most = Math.max(most, await nodes(page));
        return Number(/([\d,]+) of/.exec(await page.locator('.more').innerText())![1]!.replace(',', ''));
      },
      { timeout: 200_000 },
    )
    .toBeGreaterThan(1000);
  expect(most).toBeLessThan(8000);
  await page.getByText('The connection to the server is lost.').waitFor({ state: 'hidden' });
  await page.getByRole('searchbox', { name: 'Search questions and videos' }).fill('question 7');
  await page.getByText(/of 1,111 shown/).waitFor(); // 7, 7x, 7xx, 7xxx
  await end();
});

// SHIJIAN_TEST_VIDEOS=5000 tries as many as that; the server takes minutes to read them.
patient('shows a large library', async () => {
  const count = Number(process.env.SHIJIAN_TEST_VIDEOS ?? 700);
  const total = async () => (await program.api<{ total: number }>('GET', 'videos?limit=1')).total;
  const all = (await total()) + count;
  // The same clip with another box at its end each time, so that each is a video of its own.
  const clip = await readFile(tiny);
  const box = Buffer.alloc(16);
  box.writeUInt32BE(16, 0);
  box.write('free', 4);
  for (let n = 0; n < count; ++n) {
    box.writeUInt32BE(n, 8);
    await writeFile(join(program.folder, 'videos', `clip ${String(n).padStart(4, '0')}.mp4`), Buffer.concat([clip, box]));
  }
  await expect.poll(total, { timeout: 500_000 }).toBe(all);
  const { page, end } = await visit();
  await page.getByText(`${all} videos`).waitFor();
  expect(await page.getByRole('article').count()).toBeLessThan(200);
  // Down to the last one.
  let most = 0;
  const last = page.getByRole('link', { name: `clip ${String(count - 1).padStart(4, '0')}.mp4` });
  await expect
    .poll(
      async () => {
        await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
        most = Math.max(most, await nodes(page));
        return last.count();
      },
      { timeout: 120_000 },
    )
    .toBe(1);
  expect(most).toBeLessThan(9000);
  await page.evaluate(() => scrollTo(0, 0));
  await page.getByRole('link', { name: 'clip 0000.mp4' }).waitFor();
  await page.getByRole('searchbox', { name: 'Search by name' }).fill('clip 0099');
  await page.getByText('1 video', { exact: true }).waitFor();
  await page.goto(`${program.url}#/batch`);
  await page.getByRole('checkbox', { name: `All ${all} videos` }).waitFor();
  expect(await nodes(page)).toBeLessThan(3000);
  await end();
}, 600_000);
