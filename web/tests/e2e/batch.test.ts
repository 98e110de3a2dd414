// Many questions about many videos.
import type { Page } from 'playwright-core';
import { expect, inject, it } from 'vitest';
import type { Job, QueueInfo } from '../../src/api/types.ts';
import { downloaded, withProgram } from './browser.ts';
import { presentQuestion, slow } from './program.ts';

const { program, visit } = withProgram();
const { shapes, others, long } = inject('clips');

it('asks, fills the table, and exports the answers in one file', async () => {
  const videos = [await program.add(shapes), ...(await Promise.all(others.map((path) => program.add(path))))];
  const { page, end } = await visit('#/batch');
  await page.getByRole('checkbox', { name: 'All 3 videos' }).check();
  const questions = [presentQuestion, '画面什么时候切换？'];
  await page.getByRole('textbox', { name: 'Questions, one a line' }).fill(`${questions.join('\n')}\n`);
  await page.getByRole('button', { name: 'Ask 6 questions' }).click();
  await page.getByText('6 of 6 answered').waitFor();

  const { jobs } = await program.api<{ jobs: Job[] }>('GET', 'jobs');
  expect(jobs).toHaveLength(6);
  for (const job of jobs) {
    // A video's name stands once, at its first row, and is read out for the others.
    const row = page.getByRole('row').filter({ hasText: job.video.name }).filter({ hasText: job.query });
    const found = job.result!.events!;
    expect(await row.innerText(), job.query).toContain(found.length === 0 ? 'Not found' : found[0]!.start_text);
  }
  const exported = page.getByRole('button', { name: 'Export' });
  await exported.click();
  const csv = await downloaded(page, () => page.getByRole('button', { name: /^CSV/ }).click());
  const moments = jobs.flatMap((job) => job.result!.events!.map(({ start }) => `${job.video.name},${job.query},${start.toFixed(3)}`));
  expect(moments.length).toBeGreaterThan(0);
  for (const moment of moments) expect(csv.content.toString()).toContain(moment);
  for (const job of jobs.filter(({ result }) => result!.events!.length === 0)) {
    expect(csv.content.toString()).toContain(`${job.video.name},${job.query},,`);
  }

  await page.getByRole('link', { name: presentQuestion }).first().click();
  await page.locator('blockquote', { hasText: presentQuestion }).waitFor();
  await page.goBack();
  await page.getByText('6 of 6 answered').waitFor(); // it is still known
  expect(videos).toHaveLength(3);
  await end();
});

it('shows what runs and what waits, and cancels the rest', async () => {
  const clip = await program.add(long);
  await program.ask(clip, 'the one in front', slow);
  const { page, end } = await visit('#/batch');
  await page.getByRole('checkbox', { name: 'shapes.mp4' }).check();
  await page.getByRole('textbox', { name: 'Questions, one a line' }).fill('one\ntwo\nthree');
  await page.getByRole('button', { name: 'Ask 3 questions' }).click();
  await page.getByText('0 of 3 answered').waitFor();
  await page.getByRole('link', { name: /Queue/ }).click();
  await page.getByText('1 at work, 3 waiting').waitFor();
  await page.getByRole('button', { name: 'Working' }).click();
  await expect.poll(() => page.getByRole('main').getByRole('listitem').count()).toBe(1);
  await page.getByRole('button', { name: 'All' }).click();
  await page.getByRole('searchbox', { name: 'Search questions and videos' }).fill('three');
  await expect.poll(() => page.getByRole('main').getByRole('listitem').count()).toBe(1);
  await page.goBack();
  await page.getByRole('button', { name: 'Cancel the rest' }).click();
  await expect.poll(async () => (await program.api<QueueInfo>('GET', 'queue')).queued).toBe(0);
  await expect.poll(() => page.getByRole('row').filter({ hasText: 'Cancelled' }).count()).toBe(3);
  await page.getByRole('link', { name: /Queue/ }).click();
  await page.getByRole('button', { name: 'Cancel “the one in front”' }).click();
  await page.getByText('0 at work, 0 waiting').waitFor();
  await end();
});

// Down until all of a list is there, once its beginning is.
const toTheEnd = async (page: Page) => {
  await page.locator('.more').waitFor();
  await expect
    .poll(
      async () => {
        await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
        return page.locator('.more').count();
      },
      { timeout: 60_000 },
    )
    .toBe(0);
};

it('reads on in a list after a request that failed', async () => {
  const clip = await program.add(long);
  const queries = Array.from({ length: 120 }, (_, n) => `question ${n + 1}`);
  await program.api('POST', 'jobs', { video_id: clip.id, queries, options: slow });
  const { page, end } = await visit('', {}, /jobs\?.*cursor=/);
  let failed = false;
  await page.route(/jobs\?.*cursor=/, async (route) => {
    if (failed) return route.continue();
    failed = true;
    await route.abort('connectionreset');
  });
  await page.getByRole('link', { name: /Queue/ }).click();
  await toTheEnd(page);
  expect(failed).toBe(true);
  await end();
});

it('reads on in a list that is read anew meanwhile', async () => {
  const clip = await program.add(long);
  await program.ask(clip, 'the one in front', slow);
  const queries = Array.from({ length: 120 }, (_, n) => `question ${n + 1}`);
  await program.api('POST', 'jobs', { video_id: clip.id, queries, options: slow });
  const { page, end } = await visit();
  let held = false;
  await page.route(/jobs\?.*cursor=/, async (route) => {
    if (!held) {
      held = true;
      const anew = page.waitForResponse((other) => /jobs\?(?!.*cursor)/.test(other.url()));
      await program.ask(clip, 'one more', slow);
      await anew;
    }
    await route.continue();
  });
  await page.getByRole('link', { name: /Queue/ }).click();
  await toTheEnd(page);
  expect(held).toBe(true);
  await end();
});
