// The page's places, as the part of the address after '#'.

export type Route =
  | { view: 'library' }
  | { view: 'workspace'; video: string; job?: string }
  | { view: 'batch'; batch?: string }
  | { view: 'queue' };

export function parseRoute(hash: string): Route {
  let parts: string[];
  try {
    parts = hash.replace(/^#\/?/, '').split('/').map(decodeURIComponent);
  } catch {
    return { view: 'library' };
  }
  const [view, first, second, third] = parts;
  if (view === 'video' && first) {
    return { view: 'workspace', video: first, ...(second === 'job' && third && { job: third }) };
  }
  if (view === 'batch') return { view, ...(first && { batch: first }) };
  if (view === 'queue') return { view };
  return { view: 'library' };
}

export function routeHash(route: Route): string {
  const encode = encodeURIComponent;
  switch (route.view) {
    case 'library':
      return '#/';
    case 'workspace':
      return `#/video/${encode(route.video)}${route.job ? `/job/${encode(route.job)}` : ''}`;
    case 'batch':
      return `#/batch${route.batch ? `/${encode(route.batch)}` : ''}`;
    case 'queue':
      return '#/queue';
  }
}
