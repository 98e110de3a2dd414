// What a person does with the page, from the first upload to the export.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, afterEach, expect, inject, it } from 'vitest';
import { Host, launch } from './host.ts';
import { ask, visit, type Visit } from './visit.ts';

const sample = fileURLToPath(new URL('../../../samples/shapes.mp4', import.meta.url));
const duration = 14.9;
let browser: Browser;
let host: Host;
let url: string;

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());
beforeEach(async () => {
  host = new Host(inject('page'), 50);
  url = await host.start();
});
afterEach(() => host.stop());

async function openSample(options = {}): Promise<Visit> {
  const { id } = await host.fake.addFile(sample);
  return visit(browser, `${url}#/video/${id}`, options);
}
const now = (page: Page) => page.getByRole('slider', { name: 'Position in the video' }).getAttribute('aria-valuenow').then(Number);

it('takes a video, answers a question, and shows the moment where it is', async () => {
  const { page, end } = await visit(browser, url);
  await page.locator('input[type=file]').setInputFiles(sample);
  await ask(page, 'When is the cyan word MENU on screen?'); // the only video opens by itself
  await page.getByRole('progressbar', { name: 'Progress of the answer' }).waitFor();
  await page.locator('.progress .words', { hasText: 'The event' }).waitFor(); // streams in
  const bar = page.getByRole('button', { name: /^Moment 1 When is the cyan word MENU on screen\? 00:00:04\.500 to 00:00:06\.600, confidence 90%/ });
  await bar.waitFor();

  const track = (await page.locator('.surface').boundingBox())!;
  const box = (await bar.boundingBox())!;
  expect((box.x - track.x) / track.width).toBeCloseTo(4.5 / duration, 2);
  expect(box.width / track.width).toBeCloseTo(2.1 / duration, 2);

  // The first moment is selected and shown; a click elsewhere seeks there.
  expect(await now(page)).toBeCloseTo(4.5);
  await page.mouse.click(track.x + track.width * 0.8, track.y + 60);
  expect(await now(page)).toBeCloseTo(0.8 * duration, 1);
  await expect.poll(() => page.evaluate(() => document.querySelector('video')!.currentTime)).toBeCloseTo(0.8 * duration, 1);
  await bar.click();
  expect(await now(page)).toBeCloseTo(4.5);

  // Zooming keeps what is under the pointer there.
  await page.mouse.move(box.x, track.y + 60);
  await page.mouse.wheel(0, -400);
  await expect.poll(async () => (await bar.boundingBox())!.width).toBeGreaterThan(box.width * 1.5);
  expect((await bar.boundingBox())!.x).toBeCloseTo(box.x, -1);

  await page.getByRole('tab', { name: 'What it saw' }).click();
  await page.getByRole('button', { name: /^Frame at/ }).nth(3).click();
  expect(await now(page)).toBeCloseTo((3.5 * duration) / 28, 1);
  await end();
});

it('steps by frames and moves by keys', async () => {
  const { page, end } = await openSample();
  await page.locator('video').waitFor();
  await page.locator('main').focus();
  const press = async (keys: string[]) => {
    for (const key of keys) await page.keyboard.press(key);
    return now(page);
  };
  expect(await press(['ArrowRight', 'ArrowRight', 'ArrowLeft'])).toBeCloseTo(1);
  expect(await press(['.', '.', '.'])).toBeCloseTo(1 + 3 / 30, 2);
  expect(await press([','])).toBeCloseTo(1 + 2 / 30, 2);
  expect(await press(['End'])).toBeCloseTo(duration);
  expect(await press(['Home'])).toBe(0);
  await page.keyboard.press('l');
  await page.getByRole('button', { name: 'Pause' }).waitFor();
  await expect.poll(() => now(page)).toBeGreaterThan(0.3);
  await page.keyboard.press('k');
  await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
  await page.keyboard.press('Shift+?');
  await page.getByRole('dialog', { name: 'Help' }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('/');
  expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('TEXTAREA');
  await end();
});

it('corrects an edge, keeps the correction, and takes it back', async () => {
  const { page, end } = await openSample();
  await ask(page, 'When is the cyan word MENU on screen?');
  const edge = page.getByRole('slider', { name: 'End of moment 1' });
  await edge.focus();
  await page.keyboard.press('Shift+ArrowRight');
  expect(await edge.getAttribute('aria-valuetext')).toBe('00:00:07.600');

  const box = (await edge.boundingBox())!;
  const pixels = ((await page.locator('.surface').boundingBox())!.width * 0.5) / duration; // half a second
  await page.mouse.move(box.x + 7, box.y + 10);
  await page.mouse.down();
  await page.mouse.move(box.x + 7 + pixels, box.y + 10, { steps: 4 });
  await page.mouse.up();
  await expect.poll(async () => Number(await edge.getAttribute('aria-valuenow'))).toBeCloseTo(8.1, 1);

  await page.getByRole('button', { name: 'Save correction' }).click();
  await page.getByRole('button', { name: 'Take back' }).waitFor();
  expect(host.fake.jobs.list[0]?.corrections?.[0]?.end).toBeCloseTo(8.1, 1);
  await page.reload();
  await page.getByRole('button', { name: /^Moment 1 .*to 00:00:08\.1/ }).waitFor();
  await page.getByRole('button', { name: 'Take back' }).click();
  await page.getByRole('button', { name: /^Moment 1 .*to 00:00:06\.600/ }).waitFor();
  expect(host.fake.jobs.list[0]?.corrections).toBeNull();
  await end();
});

it('says plainly when nothing was found, why it failed, and what was cancelled', async () => {
  const { page, end } = await openSample();
  await ask(page, 'When does it never happen?');
  await page.getByRole('heading', { name: 'Not found' }).waitFor();
  await ask(page, 'please fail');
  await page.getByText('the prompt has 300000 tokens').waitFor();
  await page.getByText('lower frame_sampling_rate or max_frames').waitFor();
  host.fake.jobs.pace = 400;
  await ask(page, 'and this takes long');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('heading', { name: 'Cancelled' }).waitFor();
  await page.getByRole('tab', { name: 'History' }).click();
  await expect.poll(() => page.getByRole('tabpanel').getByRole('listitem').count()).toBe(3);
  await page.getByRole('searchbox', { name: 'Search questions' }).fill('never');
  await expect.poll(() => page.getByRole('tabpanel').getByRole('listitem').count()).toBe(1);
  await end();
});

it('answers in words alone when no times are asked for', async () => {
  const { page, end } = await openSample();
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByRole('checkbox', { name: 'Look for times' }).uncheck();
  await page.getByRole('spinbutton', { name: 'Frames a second' }).fill('1.5');
  await page.getByRole('combobox', { name: 'Time format' }).selectOption('seconds');
  await page.keyboard.press('Escape');
  await ask(page, 'What is there?');
  await page.getByText('There are some shapes.').last().waitFor();
  await page.getByText('Figures').waitFor();
  expect(host.fake.jobs.list[0]?.options).toEqual({
    enable_temporal_grounding: false,
    frame_sampling_rate: 1.5,
    output_format: 'seconds',
  });
  await end();
});

it('finds its job again after a reload and after the server went away', async () => {
  host.fake.jobs.pace = 600;
  const { id } = await host.fake.addFile(sample);
  const { page, end } = await visit(browser, `${url}#/video/${id}`, {}, /ERR_|Failed to load/);
  await ask(page, 'When does it happen?');
  await page.getByText('Looking at frames').waitFor();
  await page.goto(`${url}#/`);
  await page.goto(`${url}#/video/${id}`); // without the job's id: it is running, so it is shown
  await page.getByRole('progressbar', { name: 'Progress of the answer' }).waitFor();
  expect(page.url()).toContain('/job/j1');
  await page.reload();
  await page.getByRole('progressbar', { name: 'Progress of the answer' }).waitFor();
  host.fake.breaks = true;
  host.fake.jobs.drop();
  await page.getByText('The connection to the server is lost.').waitFor();
  host.fake.jobs.pace = 20;
  host.fake.breaks = false;
  await page.getByText('The connection to the server is lost.').waitFor({ state: 'hidden' });
  await page.getByRole('heading', { name: '1 moment' }).waitFor();
  await end();
});

it('goes on with an upload that broke', async () => {
  const { page, end } = await visit(browser, url, {}, /ERR_|Failed to load/);
  await page.getByRole('heading', { name: 'No videos yet' }).waitFor();
  host.fake.breaks = true;
  await page.locator('input[type=file]').setInputFiles(sample);
  await page.getByText('Connection lost, going on soon').waitFor();
  host.fake.breaks = false;
  await page.getByRole('region', { name: 'Video', exact: true }).waitFor();
  await end();
});

it('takes several files at once by dropping, in pieces; finds and deletes one', async () => {
  const { page, end } = await visit(browser, url);
  await page.getByRole('heading', { name: 'No videos yet' }).waitFor();
  // A clip with nine megabytes of padding, as MP4 allows: three pieces.
  const clip = await readFile(sample);
  const padding = Buffer.alloc(9_000_000);
  padding.writeUInt32BE(padding.length, 0);
  padding.write('free', 4);
  const data = await page.evaluateHandle(
    ([small, bytes]) => {
      const transfer = new DataTransfer();
      const clip = Uint8Array.from(atob(small), (c) => c.charCodeAt(0));
      transfer.items.add(new File([clip], 'short.mp4'));
      transfer.items.add(new File([clip, Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], 'long.mp4'));
      return transfer;
    },
    [clip.toString('base64'), padding.toString('base64')] as const,
  );
  await page.dispatchEvent('body', 'dragover', { dataTransfer: data });
  await page.getByText('Drop to add to the library').waitFor();
  await page.dispatchEvent('body', 'drop', { dataTransfer: data });
  await page.getByText('2 videos').waitFor();
  expect(await page.getByText('Added').count()).toBe(2);
  await page.getByRole('searchbox', { name: 'Search by name' }).fill('sho');
  await page.getByText('1 video', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Delete short.mp4' }).click();
  await page.getByRole('dialog', { name: 'Delete “short.mp4”?' }).getByRole('button', { name: 'Delete' }).click();
  await page.getByText('No video has a name like “sho”').waitFor();
  await end();
});

it('hides unsure moments, loops one, and goes from one to the next', async () => {
  const { page, end } = await openSample();
  await ask(page, 'How many times?');
  await page.getByRole('heading', { name: '6 moments' }).waitFor();
  const bars = page.getByRole('list', { name: 'Moments on the timeline' }).getByRole('listitem');
  expect(await bars.count()).toBe(6);
  await page.getByRole('slider', { name: 'Least confidence of moments shown' }).fill('0.85');
  expect(await bars.count()).toBe(3); // 95%, 88%, and the one without a number
  await page.getByText('3 below 85% confidence hidden').waitFor();

  await page.locator('main').focus();
  await page.keyboard.press('ArrowDown');
  expect(await now(page)).toBeCloseTo(0.52 * duration, 1);
  await page.keyboard.press('r');
  await page.getByRole('button', { name: 'Stop looping' }).waitFor();
  await page.getByRole('button', { name: 'Pause' }).waitFor();
  await page.evaluate(() => (document.querySelector('video')!.playbackRate = 4));
  // Twice the moment's length later it is still in it.
  for (let n = 0; n < 6; ++n) {
    await page.waitForTimeout(200);
    expect(await now(page)).toBeGreaterThan(0.5 * duration);
    expect(await now(page)).toBeLessThan(0.7 * duration);
  }
  await page.keyboard.press('+');
  await page.getByRole('button', { name: 'Show the whole video' }).click();
  await end();
});

it('shows why a file is no video', async () => {
  const { page, end } = await visit(browser, url, {}, /415/);
  await page.locator('input[type=file]').setInputFiles({ name: 'notes.mp4', mimeType: 'video/mp4', buffer: Buffer.from('no video') });
  await page.getByText('notes.mp4 is no video').waitFor();
  await page.getByText('upload an MP4, MKV or WebM file').waitFor();
  await end();
});

it('asks many questions at once and exports their answers', async () => {
  const { page, end } = await openSample();
  await page.getByRole('link', { name: 'Batch' }).click();
  await page.getByRole('checkbox', { name: 'All 1 videos' }).check();
  await page.getByRole('textbox', { name: 'Questions, one a line' }).fill('When is it?\nWhen is it never?\n');
  await page.getByRole('button', { name: 'Ask 2 questions' }).click();
  await page.getByText('2 of 2 answered').waitFor();
  expect(await page.getByRole('row').allInnerTexts()).toEqual([
    expect.stringContaining('Video'),
    expect.stringMatching(/shapes\.mp4[\s\S]*When is it\?[\s\S]*1 moment[\s\S]*00:00:04\.470 – 00:00:06\.556[\s\S]*91%/),
    expect.stringMatching(/When is it never\?[\s\S]*Not found/),
  ]);
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export' }).click();
  await page.getByRole('button', { name: /^CSV/ }).click();
  const csv = await readFile(await (await download).path(), 'utf8');
  expect(csv.split('\r\n').length).toBe(3);

  await page.getByRole('link', { name: 'When is it?' }).click();
  const clip = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save moment 1 as a clip' }).click();
  await page.getByRole('button', { name: /^Exact cut/ }).click();
  expect((await clip).suggestedFilename()).toBe('shapes 4.470-6.556.mp4');
  await end();
});

it('asks for the key once and plays the video with it', async () => {
  host.fake.key = 'secret';
  const { id } = await host.fake.addFile(sample);
  const { page, end } = await visit(browser, `${url}#/video/${id}`, {}, /401/);
  for (const key of ['wrong', 'secret']) {
    await page.getByRole('textbox', { name: 'Key' }).fill(key);
    await page.getByRole('button', { name: 'Use this key' }).click();
    if (key === 'wrong') await page.getByText('The server refused this key.').waitFor();
  }
  await page.locator('video').waitFor();
  await expect.poll(() => page.evaluate(() => document.querySelector('video')!.duration)).toBeCloseTo(duration, 1);
  await ask(page, 'When is it?');
  await page.getByRole('heading', { name: '1 moment' }).waitFor();
  await end();
});
