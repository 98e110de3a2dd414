// A server that asks for a key.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, inject, it } from 'vitest';
import { ask, withProgram } from './browser.ts';
import { presentQuestion } from './program.ts';

const folder = mkdtempSync(join(tmpdir(), 'shijian-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));
const keys = join(folder, 'keys.txt');
writeFileSync(keys, 'the right one\n');
const { program, visit } = withProgram('--api-key-file', keys);

it('asks for the key once, plays the video, and forgets it on demand', async () => {
  const { id, duration } = await program.add(inject('clips').shapes, undefined, { Authorization: 'Bearer the right one' });
  const { page, end } = await visit(`#/video/${id}`, {}, /401/);
  for (const key of ['wrong', 'the right one']) {
    await page.getByRole('textbox', { name: 'Key' }).fill(key);
    await page.getByRole('button', { name: 'Use this key' }).click();
    if (key === 'wrong') await page.getByText('The server refused this key.').waitFor();
  }
  const length = () => page.evaluate(() => document.querySelector('video')?.duration);
  await expect.poll(length).toBeCloseTo(duration, 1);
  await ask(page, presentQuestion);
  await page.getByRole('heading', { name: '1 moment' }).waitFor();
  await page.reload();
  await expect.poll(length).toBeCloseTo(duration, 1);
  // No script can read what the server knows the browser by.
  expect(await page.evaluate(() => [document.cookie, JSON.stringify(localStorage)].join())).not.toMatch(/right one|[0-9a-f]{64}/);

  const session = (await page.context().cookies())[0]!;
  expect(session).toMatchObject({ httpOnly: true, sameSite: 'Strict' });
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByRole('button', { name: 'Forget the key on this browser' }).click();
  await page.getByRole('dialog', { name: 'API key' }).waitFor();
  await page.context().addCookies([session]); // it is of no use any more
  await page.reload();
  await page.getByRole('dialog', { name: 'API key' }).waitFor();
  await end();
});
