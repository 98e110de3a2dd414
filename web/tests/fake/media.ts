// What the fake server knows of a video file, by way of ffprobe and ffmpeg.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Video } from '../../src/api/types.ts';

const run = promisify(execFile);

export type Probed = Pick<
  Video,
  'duration' | 'frame_rate' | 'constant_rate' | 'frames' | 'width' | 'height' | 'rotation' | 'codec'
>;

// Rejects when the file is no video.
export async function probe(path: string): Promise<Probed> {
  const { stdout } = await run('ffprobe', [
    '-v', 'error', '-select_streams', 'v:0', '-of', 'json', '-show_entries',
    'format=duration:stream=width,height,codec_name,avg_frame_rate,nb_frames', path,
  ]);
  const { streams, format } = JSON.parse(stdout) as {
    streams: { width: number; height: number; codec_name: string; avg_frame_rate: string }[];
    format: { duration: string };
  };
  const stream = streams[0];
  if (!stream) throw new Error('no video stream');
  const [over = 25, under = 1] = stream.avg_frame_rate.split('/').map(Number);
  const duration = Number(format.duration);
  const frame_rate = over / under;
  return {
    duration,
    frame_rate,
    constant_rate: true,
    frames: Math.round(duration * frame_rate),
    width: stream.width,
    height: stream.height,
    rotation: 0,
    codec: stream.codec_name,
  };
}

// The frames at `times`, `columns` in a row.
export async function strip(
  path: string,
  times: number[],
  height: number,
  columns: number,
): Promise<Buffer> {
  const pick = times.map((t) => `lt(prev_pts*TB,${t})*gte(pts*TB,${t})`).join('+');
  const rows = Math.ceil(times.length / columns);
  const filter = `select='${pick}',scale=-2:${height},tile=${columns}x${rows}`;
  const { stdout } = await run(
    'ffmpeg',
    ['-v', 'error', '-i', path, '-vf', filter, '-frames:v', '1', '-f', 'mjpeg', '-q:v', '4', '-'],
    { encoding: 'buffer', maxBuffer: 64 << 20 },
  );
  return stdout;
}

export async function clip(path: string, from: number, to: number, exact: boolean): Promise<Buffer> {
  const { stdout } = await run(
    'ffmpeg',
    [
      '-v', 'error', '-ss', String(from), '-to', String(to), '-i', path,
      ...(exact ? ['-c:v', 'libx264', '-preset', 'ultrafast'] : ['-c', 'copy']),
      '-movflags', 'frag_keyframe+empty_moov', '-f', 'mp4', '-',
    ],
    { encoding: 'buffer', maxBuffer: 256 << 20 },
  );
  return stdout;
}
