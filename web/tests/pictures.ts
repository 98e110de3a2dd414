// Pictures of the main views for the documentation, from the real program.
import { execFile } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { beforeAll, expect, inject, it } from 'vitest';
import type { Job, Video } from '../src/api/types.ts';
import { withProgram } from './e2e/browser.ts';
import { presentQuestion, programPath, root } from './e2e/program.ts';

const run = promisify(execFile);
const { program, visit } = withProgram();
const folder = join(root, 'docs/pictures');
let video: Video;
let answer: Job;

beforeAll(async () => {
  const clips = join(program.folder, 'clips');
  const options = ['--split', 'heldout', '--seed', '7', '--count', '5', '--seconds', '12-20', '--size', '480x270'];
  await run(programPath, ['synth', '--out', clips, ...options]);
  for (let n = 0; n < 5; ++n) await program.add(join(clips, 'videos', `0000${n}.mp4`));
  video = await program.add(inject('clips').shapes);
  answer = await program.answered(video, presentQuestion);
  await mkdir(folder, { recursive: true });
});

// With 256 colours, so that the files stay small.
async function take(page: Page, name: string) {
  await page.evaluate(() => document.fonts.ready);
  await page.waitForTimeout(1000); // pictures and transitions
  const path = join(folder, `${name}.png`);
  const raw = join(program.folder, `${name}.png`);
  await page.screenshot({ path: raw });
  const palette = 'split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=bayer:bayer_scale=5';
  await run('ffmpeg', ['-v', 'error', '-y', '-i', raw, '-vf', palette, path]);
  expect((await readFile(path)).length).toBeLessThan(150_000);
}

async function showAnswer(page: Page) {
  await page.locator('ol button.main').first().click();
  await expect.poll(() => page.evaluate(() => document.querySelector('video')!.readyState)).toBeGreaterThan(2);
  await page.locator('main').focus();
  await page.keyboard.press('ArrowRight'); // into the moment
}

const light: BrowserContextOptions = { colorScheme: 'light', viewport: { width: 1280, height: 900 } };
const answerPlace = () => `#/video/${video.id}/job/${answer.id}`;

it('library', async () => {
  const { page, end } = await visit('', light);
  await expect.poll(() => page.locator('article .frame').count()).toBe(6);
  await take(page, 'library');
  await end();
});

for (const [name, options] of [
  ['answer', light],
  ['dark', { ...light, colorScheme: 'dark' }],
  ['chinese', { ...light, locale: 'zh-CN' }],
  ['phone', { ...light, viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }],
] as [string, BrowserContextOptions][]) {
  it(name, async () => {
    if (name === 'chinese') answer = await program.answered(video, '什么时候画面中有青色的单词MENU？');
    const { page, end } = await visit(answerPlace(), options);
    await showAnswer(page);
    if (name === 'phone') await page.evaluate(() => scrollTo(0, 0));
    await take(page, name);
    await end();
  });
}

it('batch', async () => {
  const { page, end } = await visit('#/batch', light);
  for (const name of ['00001.mp4', '00003.mp4', 'shapes.mp4']) await page.getByRole('checkbox', { name }).check();
  const questions = ['When is the purple square visible?', 'When is the cyan diamond visible?', presentQuestion];
  await page.getByRole('textbox', { name: 'Questions, one a line' }).fill(questions.join('\n'));
  await page.getByRole('button', { name: 'Ask 9 questions' }).click();
  await page.getByText('9 of 9 answered').waitFor();
  await take(page, 'batch');
  await end();
});
