// Saves what the server gave as a file. (A plain link could show no error.)
import type { ExportFormat } from '../api/types.ts';
import { fileName } from './answer.ts';
import { api, app } from './app.svelte.ts';

function save(content: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export async function saveExport(ids: string | string[], format: ExportFormat, name: string): Promise<void> {
  await app.attempt(async () => save(await api.exportJobs(ids, format), fileName(name, format)));
}

export async function saveClip(
  video: { id: string; name: string },
  { start, end }: { start: number; end: number },
  mode: 'exact' | 'fast',
): Promise<void> {
  await app.attempt(async () => {
    const clip = await api.clip(video.id, start, end, mode);
    save(clip.file, fileName(`${video.name} ${clip.start.toFixed(3)}-${clip.end.toFixed(3)}`, 'mp4'));
  });
}
