// What the timeline shows of a search: looks by how close they were, and the curve of attention.
import { toShare, type View } from './timeline.ts';

export interface Look {
  from: number;
  to: number;
  fps: number;
}
export type CurvePoint = readonly [time: number, value: number];

// Looks with their shade, from 0.15 for the fewest frames a second to 1 for the most, the closest
// last, so that it is drawn above the others.
export function lookShades<T extends Look>(looks: readonly T[]): (T & { shade: number })[] {
  const sorted = [...looks].sort((a, b) => a.fps - b.fps);
  const least = Math.log(Math.max(sorted[0]?.fps ?? 1, 1e-3));
  const most = Math.log(Math.max(sorted.at(-1)?.fps ?? 1, 1e-3));
  return sorted.map((look) => {
    const share = most > least ? (Math.log(Math.max(look.fps, 1e-3)) - least) / (most - least) : 0;
    return { ...look, shade: 0.15 + 0.85 * share };
  });
}

// An SVG path of the part in view, its highest point at the top; '' where there is nothing to draw.
// A step for each slot: it reaches halfway to its neighbours.
export function curvePath(curve: readonly CurvePoint[], view: View, width: number, height: number): string {
  const most = Math.max(1e-9, ...curve.map(([, value]) => value));
  if (curve.length < 2 || width <= 0) return '';
  const x = (time: number) => Math.round(toShare(view, time) * width * 10) / 10;
  let path = '';
  curve.forEach(([time, value], i) => {
    const from = ((curve[i - 1]?.[0] ?? time) + time) / 2;
    const to = ((curve[i + 1]?.[0] ?? time) + time) / 2;
    if (to < view.from || from > view.to) return;
    const y = Math.round((1 - value / most) * height * 10) / 10;
    path += path === '' ? `M${x(from)} ${height}V${y}H${x(to)}` : `V${y}H${x(to)}`;
  });
  return path === '' ? '' : `${path}V${height}Z`;
}
