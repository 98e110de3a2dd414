// Files on their way up, and what is there.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CDPSession } from 'playwright-core';
import { afterEach, expect, inject, it } from 'vitest';
import type { Video } from '../../src/api/types.ts';
import { withProgram } from './browser.ts';

const { program, visit } = withProgram();
const { shapes } = inject('clips');
afterEach(async () => {
  const { videos } = await program.api<{ videos: Video[] }>('GET', 'videos');
  for (const { id } of videos) await program.api('DELETE', `videos/${id}`);
});

// A clip with padding, as MP4 allows: nine megabytes, three pieces.
async function paddedClip(): Promise<Buffer> {
  const padding = Buffer.alloc(9_000_000);
  padding.writeUInt32BE(padding.length, 0);
  padding.write('free', 4);
  return Buffer.concat([await readFile(shapes), padding]);
}
const throttle = (client: CDPSession, uploadThroughput: number) =>
  client.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput });

it('goes on with an upload that broke, where it was', async () => {
  const { page, end } = await visit('', {}, /ERR_|Failed to load/);
  await page.getByRole('heading', { name: 'No videos yet' }).waitFor();
  const client = await page.context().newCDPSession(page);
  await throttle(client, 3_000_000); // bytes a second
  const buffer = await paddedClip();
  await page.locator('input[type=file]').setInputFiles({ name: 'big.mp4', mimeType: 'video/mp4', buffer });
  const received = async () => (await program.api<{ received: number }>('GET', `uploads/big.mp4?size=${buffer.length}`)).received;
  await expect.poll(received, { timeout: 20_000 }).toBeGreaterThan(0);
  await program.kill();
  await page.getByText('Connection lost, going on soon').waitFor();
  await program.start();
  const pieces: string[] = [];
  page.on('request', (request) => {
    const range = request.headers()['content-range'];
    if (range) pieces.push(range);
  });
  await throttle(client, -1);
  await page.getByRole('region', { name: 'Video', exact: true }).waitFor();
  expect(pieces.length).toBeGreaterThan(0);
  expect(pieces[0]).not.toMatch(/^bytes 0-/);
  expect(buffer.equals(await readFile(join(program.folder, 'videos/big.mp4')))).toBe(true);
  await end();
});

it('takes several files at once by dropping; finds and deletes one', async () => {
  const { page, end } = await visit();
  await page.getByRole('heading', { name: 'No videos yet' }).waitFor();
  const files = await Promise.all([shapes, inject('clips').others[0]!].map((path) => readFile(path, 'base64')));
  const data = await page.evaluateHandle((contents) => {
    const transfer = new DataTransfer();
    contents.forEach((content, n) => {
      const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
      transfer.items.add(new File([bytes], ['short.mp4', 'other.mp4'][n]!));
    });
    return transfer;
  }, files);
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
  const { videos } = await program.api<{ videos: Video[] }>('GET', 'videos');
  expect(videos.map(({ name }) => name)).toEqual(['other.mp4']);
  await end();
});

it.each([
  ['en-GB', 'notes.mp4', /no video|not a video/],
  ['zh-CN', '笔记.mp4', '“笔记.mp4”不是能读的视频'],
] as const)('shows why a file is no video (%s)', async (locale, name, reason) => {
  const { page, end } = await visit('', { locale }, /415/);
  await page.locator('input[type=file]').setInputFiles({ name, mimeType: 'video/mp4', buffer: Buffer.from('no video') });
  const row = page.getByRole('listitem').filter({ hasText: name });
  await row.getByText(reason).waitFor();
  await end();
});
