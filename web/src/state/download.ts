// Saves what the server gave as a file. (A plain link could show no error.)
import { ApiError, type Clip, type ClipMode } from '../api/client.ts';
import { exportExtensions, type ExportFormat } from '../api/types.ts';
import { t } from '../i18n/index.svelte.ts';
import { fileName } from './answer.ts';
import { api, app } from './app.svelte.ts';

// A moment without length would be an empty clip.
export const shortestClip = 0.5; // seconds

function save(content: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export async function saveExport(ids: string | string[], format: ExportFormat, name: string): Promise<void> {
  await app.attempt(async () => save(await api.exportJobs(ids, format), fileName(name, exportExtensions[format])));
}

// What is missing in a clip is said, though the file is there.
function keep(clip: Clip, name: string): void {
  save(clip.file, name);
  const { sound, codec } = clip;
  if (sound === 'lost' || sound === 'partly') app.show(new ApiError(200, { code: '', message: t(`clip.${sound}`, { codec }) }));
}

export async function saveClip(video: { id: string; name: string }, { start, end }: { start: number; end: number }, mode: ClipMode): Promise<void> {
  await app.attempt(async () => {
    const clip = await api.clip(video.id, start, end, mode);
    keep(clip, fileName(`${video.name} ${clip.start.toFixed(3)}-${clip.end.toFixed(3)}`, 'mp4'));
  });
}

// Several moments at once: a ZIP with a file for each, or all of them one after the other in one.
// `job`: they are all that it has, as it keeps them, and need not be named one by one.
export async function saveClips(
  video: { id: string; name: string },
  spans: { start: number; end: number }[],
  job: string | null,
  how: 'zip' | 'joined',
  mode: ClipMode,
): Promise<void> {
  await app.attempt(async () => {
    const parts = spans.map(({ start, end }) => ({ start, end: Math.max(end, start + shortestClip) }));
    const clip = job === null ? await api.clips(video.id, parts, how, mode) : await api.jobClips(job, how, mode);
    keep(clip, fileName(`${video.name} ${how === 'zip' ? 'clips' : 'joined'}`, how === 'zip' ? 'zip' : 'mp4'));
  });
}
