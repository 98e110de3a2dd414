// Debian's Chromium, and the page in a context of its own, held to the rules that no view may break.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { Program } from './program.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
    ],
  });
}

export interface Visit {
  page: Page;
  // No error in the console (what the policy refused is one), no request to anywhere else.
  end(): Promise<void>;
}

// One program and one browser for all tests of a file.
export function withProgram(...flags: string[]) {
  const program = new Program(...flags);
  let browser: Browser;
  beforeAll(async () => {
    await program.start();
    browser = await launch();
  });
  afterAll(async () => {
    await browser.close();
    await program.stop();
  });

  // `allowed`: errors in the console that belong to the test, with the address they are about.
  async function visit(place = '', options: BrowserContextOptions = {}, allowed = /^$/): Promise<Visit> {
    const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 800 }, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      const text = `${message.text()} ${message.location().url}`;
      if (message.type() === 'error' && !allowed.test(text)) faults.push(text);
    });
    page.on('request', (request) => {
      const away = new URL(request.url()).origin !== new URL(program.url).origin;
      if (away && !/^(blob|data):/.test(request.url())) faults.push(request.url());
    });
    await page.goto(program.url + place);
    return {
      page,
      async end() {
        await context.close();
        expect(faults).toEqual([]);
      },
    };
  }
  return { program, visit };
}

export const now = (page: Page) =>
  page.getByRole('slider', { name: 'Position in the video' }).getAttribute('aria-valuenow').then(Number);

// What a click saves as a file.
export async function downloaded(page: Page, click: () => Promise<void>): Promise<{ name: string; content: Buffer }> {
  const download = page.waitForEvent('download');
  await click();
  const file = await download;
  return { name: file.suggestedFilename(), content: await readFile(await file.path()) };
}

export async function ask(page: Page, question: string): Promise<void> {
  await page.locator('form.ask textarea').fill(question);
  await page.locator('form.ask textarea').press('Enter');
}

// What axe calls serious or critical.
export async function seriousFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof import('axe-core') };
    const { violations } = await axe.run(document);
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 200)}`));
  });
}

// Elements that stick out to the right, as selectors for the reader.
export function overflowing(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    return [...document.querySelectorAll('body *')]
      .filter((element) => element.getBoundingClientRect().right > width + 1)
      .map((element) => `${element.tagName}.${element.className}`);
  });
}

// Controls that a finger hits in fewer than 24 x 24 pixels around their middle. A label belongs to its
// control; what another control covers or what is out of sight is not looked at.
export function narrow(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const controls = [...document.querySelectorAll<HTMLElement>('button, a[href], input, select, textarea, summary, [role=slider]')];
    return controls.flatMap((control) => {
      if (control.matches(':disabled, .skip') || (control as HTMLInputElement).type === 'file') return [];
      control.scrollIntoView({ block: 'center', inline: 'center' });
      const { left, top, width, height } = control.getBoundingClientRect();
      if (width === 0 || height === 0) return [];
      const [x, y] = [left + width / 2, top + height / 2];
      const hits = (dx: number, dy: number) => {
        const hit = document.elementFromPoint(x + dx, y + dy);
        return hit !== null && (control.contains(hit) || (hit.closest('label')?.contains(control) ?? false));
      };
      if (!hits(0, 0)) return [];
      const reach = (dx: number, dy: number) => {
        let n = 0;
        while (n < 12 && hits(dx * (n + 1), dy * (n + 1))) ++n;
        return n;
      };
      const [wide, high] = [reach(1, 0) + reach(-1, 0) + 1, reach(0, 1) + reach(0, -1) + 1];
      return Math.min(wide, high) >= 24 ? [] : [`${control.outerHTML.slice(0, 150)}: ${wide} x ${high}`];
    });
  });
}
