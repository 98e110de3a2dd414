import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { exampleQuestions, messages, preferredLanguage, translate, type MessageKey } from './messages.ts';

const placeholders = (text: string) => [...new Set(text.match(/\{\w+\}/g))].sort();
// Names and marks that are the same in both languages.
const alike = new Set<MessageKey>(['batch.sum', 'figures.tokens', 'progress.of', 'export.fcpxml', 'export.otio']);
const isName = (key: string) => key.startsWith('export.') && key.endsWith('.name');

describe('messages', () => {
  it('has every text in both languages, with the same places to fill', () => {
    for (const [key, [en, zh]] of Object.entries(messages)) {
      expect(en.trim() && zh.trim(), key).not.toBe('');
      expect(placeholders(zh), key).toEqual(placeholders(en));
      expect(zh, key).not.toContain('|');
      if (key !== 'action.language' && !alike.has(key as MessageKey) && !isName(key)) {
        expect(zh, key).toMatch(/\p{Script=Han}/u);
        expect(en, key).not.toMatch(/\p{Script=Han}/u);
      }
    }
  });

  it('holds no text that the page does not use', () => {
    const root = new URL('..', import.meta.url);
    const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(svelte|ts)$/.test(name) && !/messages|\.test\./.test(name))
      .map((name) => readFileSync(new URL(name, root), 'utf8'))
      .join('\n');
    const unused = Object.keys(messages).filter(
      (key) => !sources.includes(`'${key}'`) && !sources.includes(`\`${key.split('.')[0]}.\${`),
    );
    expect(unused).toEqual([]);
  });
});

describe('translate', () => {
  it('fills in and counts', () => {
    expect(translate('en', 'library.count', { n: 1 })).toBe('1 video');
    expect(translate('en', 'library.count', { n: 0 })).toBe('0 videos');
    expect(translate('zh', 'library.count', { n: 2 })).toBe('2 个视频');
    expect(translate('en', 'library.delete', { name: '{n}' })).toBe('Delete “{n}”?');
  });
});

describe('preferredLanguage', () => {
  it('takes the first of the two languages that the browser names', () => {
    expect(preferredLanguage(['zh-CN', 'en'])).toBe('zh');
    expect(preferredLanguage(['de-AT', 'zh-Hant-TW', 'en'])).toBe('zh');
    expect(preferredLanguage(['de', 'en-GB', 'zh'])).toBe('en');
    expect(preferredLanguage(['fr'])).toBe('en');
    expect(preferredLanguage([])).toBe('en');
  });
});

describe('exampleQuestions', () => {
  it('fits the model and the language', () => {
    expect(exampleQuestions('en', 'nano')).not.toEqual(exampleQuestions('en', 'Qwen3-VL-4B-Instruct'));
    for (const question of exampleQuestions('zh', 'nano')) expect(question).toMatch(/\p{Script=Han}/u);
  });
});
