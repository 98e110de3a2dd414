// Languages, colours, a phone, and what axe says of every view.
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Host, launch } from './host.ts';
import { ask, overflowing, seriousFaults, visit } from './visit.ts';

const sample = fileURLToPath(new URL('../../../samples/shapes.mp4', import.meta.url));
let browser: Browser;
let host: Host;
let url: string;
let video: string;

beforeAll(async () => {
  host = new Host(inject('page'), 20);
  url = await host.start();
  video = (await host.fake.addFile(sample)).id;
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
  await host.stop();
});

// Every view once, and every dialog; `look` is called on each.
async function everywhere(page: Page, look: (name: string) => Promise<void>) {
  await page.getByRole('article').waitFor();
  await look('library');
  await page.goto(`${url}#/video/${video}`);
  await ask(page, 'many 多次 think');
  await page.locator('.progress').waitFor();
  await look('progress');
  await page.locator('.edge').first().waitFor();
  await look('answer');
  await page.getByRole('tab').nth(1).click();
  await page.locator('.panel .frame').first().waitFor();
  await look('frames');
  await page.getByRole('tab').nth(2).click();
  await look('history');
  await ask(page, 'never 从不');
  await page.locator('.card').waitFor();
  await look('absent');
  await page.goto(`${url}#/batch`);
  await page.getByRole('checkbox').first().check();
  await page.locator('textarea').fill('many\nfail\nnever');
  await look('batch form');
  await page.locator('form .primary').click();
  await page.locator('tbody tr').nth(2).waitFor();
  await expect.poll(() => host.fake.jobs.list.every((job) => job.finished), { timeout: 30_000 }).toBe(true);
  await look('batch');
  await page.goto(`${url}#/queue`);
  await page.getByRole('listitem').first().waitFor();
  await look('queue');
  await page.locator('header .actions button').nth(2).click();
  await page.getByRole('dialog').waitFor();
  await look('settings');
  await page.keyboard.press('Escape');
  await page.locator('header .actions button').nth(3).click();
  await page.getByRole('dialog').waitFor();
  await look('help');
}

describe('every view', () => {
  for (const colorScheme of ['dark', 'light'] as const) {
    it(`has no serious fault for axe (${colorScheme})`, async () => {
      const { page, end } = await visit(browser, url, { colorScheme, reducedMotion: 'reduce' });
      await everywhere(page, async (name) => expect(await seriousFaults(page), name).toEqual([]));
      await end();
    });
  }

  for (const locale of ['en-GB', 'zh-CN']) {
    it(`fits a phone of 360 pixels (${locale})`, async () => {
      const phone = { viewport: { width: 360, height: 700 }, isMobile: true, hasTouch: true };
      const { page, end } = await visit(browser, url, { ...phone, locale });
      await everywhere(page, async (name) => expect(await overflowing(page), name).toEqual([]));
      await end();
    });
  }
});

it('speaks the language of the browser, and the other one on demand', async () => {
  const { page, end } = await visit(browser, url, { locale: 'zh-CN' });
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
  const { page, end } = await visit(browser, url, { colorScheme: 'dark' });
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
  const { page, end } = await visit(browser, `${url}#/video/${video}`, { hasTouch: true });
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
