// Languages, colours, a phone, what axe says of every view, and how large the page is.
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import type { Job, Video } from '../../src/api/types.ts';
import { narrow, overflowing, seriousFaults, withProgram } from './browser.ts';
import { presentQuestion, slow } from './program.ts';

const { program, visit } = withProgram();
let video: Video;
let long: Video;
let many: Job; // with several moments
let absent: Job;
let failed: Job;
beforeAll(async () => {
  video = await program.add(inject('clips').shapes);
  long = await program.add(inject('clips').long);
  many = await program.answered(video, presentQuestion);
  const events = [1, 1.2, 6, 9].map((start) => ({ start, end: start + 2, label: '一个很长的名字 a long name for it' }));
  await program.api('PUT', `jobs/${many.id}/corrections`, { events });
  absent = await program.answered(video, await program.absentQuestion(video));
  failed = await program.answered(video, 'What is after the end?', { from: 900, to: 901 });
});

// Every view once, and every dialog; `look` is called on each.
async function everywhere(page: Page, look: (name: string) => Promise<void>) {
  const open = (place: string) => page.goto(`${program.url}#/${place}`);
  await page.getByRole('article').first().waitFor();
  await look('library');
  const { id } = await program.ask(long, 'When?', slow);
  await open(`video/${long.id}/job/${id}`);
  await page.locator('.progress').waitFor();
  await look('progress');
  await program.api('POST', `jobs/${id}/cancel`);
  await page.locator('.card').waitFor();
  await look('cancelled');
  await open(`video/${video.id}/job/${many.id}`);
  await page.locator('.surface li button').first().click();
  await page.locator('.edge').first().waitFor();
  await look('answer');
  await page.getByRole('tab').nth(1).click();
  await page.locator('.panel .frame').first().waitFor();
  await look('frames');
  await page.getByRole('tab').nth(2).click();
  await page.getByRole('tabpanel').getByRole('listitem').first().waitFor();
  await look('history');
  for (const [name, job] of [['absent', absent], ['failed', failed]] as const) {
    await open(`video/${video.id}/job/${job.id}`);
    await page.locator('blockquote', { hasText: job.query }).waitFor();
    await look(name);
  }
  await open('batch');
  await page.getByRole('checkbox').nth(1).check();
  await page.locator('textarea').fill('one\ntwo');
  await look('batch form');
  await page.locator('form .primary').click();
  await page.locator('tbody tr').nth(1).waitFor();
  await look('batch');
  await open('queue');
  await page.getByRole('main').getByRole('listitem').first().waitFor();
  await look('queue');
  for (const [name, n] of [['settings', 2], ['help', 3]] as const) {
    await page.locator('header .actions button').nth(n).click();
    await page.getByRole('dialog').waitFor();
    await look(name);
    await page.keyboard.press('Escape');
  }
}

describe('every view', () => {
  for (const colorScheme of ['dark', 'light'] as const) {
    it(`has no serious fault for axe (${colorScheme})`, async () => {
      const { page, end } = await visit('', { colorScheme, reducedMotion: 'reduce' });
      await everywhere(page, async (name) => expect(await seriousFaults(page), name).toEqual([]));
      await end();
    });
  }

  it('has room for a finger on everything', async () => {
    const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, reducedMotion: 'reduce' as const };
    const { page, end } = await visit('', phone);
    await everywhere(page, async (name) => expect(await narrow(page), name).toEqual([]));
    await end();
  });

  for (const locale of ['en-GB', 'zh-CN']) {
    it(`fits a phone of 360 pixels (${locale})`, async () => {
      const phone = { viewport: { width: 360, height: 700 }, isMobile: true, hasTouch: true };
      const { page, end } = await visit('', { ...phone, locale });
      await everywhere(page, async (name) => expect(await overflowing(page), name).toEqual([]));
      await end();
    });
  }
});

it('speaks the language of the browser, and the other one on demand', async () => {
  const { page, end } = await visit('', { locale: 'zh-CN' });
  await page.getByRole('heading', { name: '视频', exact: true }).waitFor();
  expect(await page.evaluate(() => document.documentElement.lang)).toBe('zh-CN');
  await page.getByRole('button', { name: 'Switch to English' }).click();
  await page.getByRole('heading', { name: 'Videos', exact: true }).waitFor();
  expect(await page.title()).toBe('Shijian · Videos');
  await page.reload();
  await page.getByRole('heading', { name: 'Videos', exact: true }).waitFor();
  await end();
});

it('follows the colours of the system until told otherwise', async () => {
  const { page, end } = await visit('', { colorScheme: 'dark' });
  const lightness = () =>
    page.evaluate(() => Number(/\d+/.exec(getComputedStyle(document.documentElement).backgroundColor)?.[0]));
  expect(await lightness()).toBeLessThan(40);
  await page.emulateMedia({ colorScheme: 'light' });
  await expect.poll(lightness).toBeGreaterThan(200);
  await page.getByRole('button', { name: 'Use dark colours' }).click();
  await expect.poll(lightness).toBeLessThan(40);
  await page.reload();
  expect(await lightness()).toBeLessThan(40);
  await end();
});

it('pinches and pans with fingers', async () => {
  const { page, end } = await visit(`#/video/${video.id}`, { hasTouch: true });
  const surface = (await page.locator('.surface').boundingBox())!;
  const client = await page.context().newCDPSession(page);
  const y = surface.y + 50;
  const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', ...xs: number[]) =>
    client.send('Input.dispatchTouchEvent', { type, touchPoints: xs.map((x, id) => ({ x: surface.x + x, y, id })) });
  const window_ = () => page.locator('.overview .window').evaluate((element) => element.getBoundingClientRect().toJSON() as DOMRect);
  const whole = await window_();
  await touch('touchStart', 300, 500);
  for (let n = 1; n <= 5; ++n) await touch('touchMove', 300 - 20 * n, 500 + 20 * n);
  await touch('touchEnd');
  const zoomed = await window_();
  expect(zoomed.width / whole.width).toBeCloseTo(0.5, 1);
  await touch('touchStart', 500);
  for (let n = 1; n <= 5; ++n) await touch('touchMove', 500 - 40 * n);
  await touch('touchEnd');
  expect((await window_()).x).toBeGreaterThan(zoomed.x + 50);
  await end();
});

it('is small, and quickly there', async () => {
  const { page, end } = await visit();
  await page.getByRole('article').first().waitFor();
  const bytes = await page.evaluate(() =>
    performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))
      .filter(({ name }) => !name.includes('/api/'))
      .reduce((sum, entry) => sum + (entry as PerformanceResourceTiming).encodedBodySize, 0),
  );
  // Entered a little after the paint itself. How soon it comes is shown, not asserted.
  let paint = NaN;
  const painted = async () =>
    (paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN));
  await expect.poll(painted).toBeGreaterThan(0);
  console.log(`the page has ${Math.ceil(bytes / 1024)} KiB compressed, first paint after ${Math.round(paint)} ms`);
  expect(bytes).toBeGreaterThan(10_000);
  expect(bytes).toBeLessThan(300_000);
  await end();
});
