// What a person chose, kept in this browser.
import { efforts, type Effort, type JobOptions, type PromptStyle, type TimeFormat } from '../api/types.ts';
import { preferredLanguage, type Language } from '../i18n/messages.ts';
import { timeFormats } from './time.ts';

export type Theme = 'system' | 'light' | 'dark';

interface Choices {
  language: Language;
  theme: Theme;
  shortcuts: boolean;
  timeFormat: TimeFormat;
  samplingRate: number | null; // null: the model's own
  maxFrames: number | null;
  context: string; // empty: the model's own
  promptStyle: PromptStyle;
  effort: Effort;
  grounding: boolean;
  why: boolean;
}

const storageKey = 'shijian.settings';

function defaults(): Choices {
  return {
    language: preferredLanguage(navigator.languages),
    theme: 'system',
    shortcuts: true,
    timeFormat: 'HH:MM:SS.sss',
    samplingRate: null,
    maxFrames: null,
    context: '',
    promptStyle: 'auto',
    effort: 'normal',
    grounding: true,
    why: false,
  };
}

// Storage may be refused, or hold what an older page wrote: a wrong value falls back.
function stored(): Partial<Choices> {
  try {
    const value = JSON.parse(localStorage.getItem(storageKey) ?? '{}') as Partial<Choices>;
    if (!timeFormats.includes(value.timeFormat as TimeFormat)) delete value.timeFormat;
    if (!efforts.includes(value.effort as Effort)) delete value.effort;
    return value;
  } catch {
    return {};
  }
}

export const settings: Choices = $state({ ...defaults(), ...stored() });

// Called once, from a component: writes each change down and shows language and colours.
export function keepSettings(): void {
  const systemDark = matchMedia('(prefers-color-scheme: dark)');
  $effect(() => {
    const { language, ...rest } = settings;
    // The language is kept only once it differs from what the browser asks for.
    const chosen = language === defaults().language ? rest : settings;
    try {
      localStorage.setItem(storageKey, JSON.stringify(chosen));
    } catch {
      // Private windows may refuse; the choice then lasts as long as the page.
    }
  });
  $effect(() => {
    const root = document.documentElement;
    root.lang = settings.language === 'zh' ? 'zh-CN' : 'en';
    if (settings.theme === 'system') delete root.dataset.theme;
    else root.dataset.theme = settings.theme;
  });
  systemDark.addEventListener('change', () => (system.dark = systemDark.matches));
  system.dark = systemDark.matches;
}

const system = $state({ dark: true });
export const isDark = () => (settings.theme === 'system' ? system.dark : settings.theme === 'dark');

export function resetSettings(): void {
  const { language, theme } = settings;
  Object.assign(settings, defaults(), { language, theme });
}

// The options of a question, as far as they differ from the server's own.
export function jobOptions(): JobOptions {
  const { timeFormat, samplingRate, maxFrames, context, promptStyle, effort, grounding, why } = settings;
  return {
    output_format: timeFormat,
    ...(samplingRate && { frame_sampling_rate: samplingRate }),
    ...(maxFrames && { max_frames: maxFrames }),
    ...(context.trim() && { max_context_length: context.trim() }),
    ...(promptStyle !== 'auto' && { prompt_style: promptStyle }),
    ...(effort !== 'normal' && { effort }),
    ...(!grounding && { enable_temporal_grounding: false }),
    ...(why && { return_reasoning: true }),
  };
}
