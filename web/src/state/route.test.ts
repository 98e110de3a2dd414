import { describe, expect, it } from 'vitest';
import { parseRoute, routeHash, type Route } from './route.ts';

describe('routes', () => {
  it('are read back as written', () => {
    const routes: Route[] = [
      { view: 'library' },
      { view: 'workspace', video: 'a/b?' },
      { view: 'workspace', video: 'v', job: 'j#1' },
      { view: 'batch' },
      { view: 'batch', batch: 'b1' },
      { view: 'queue' },
    ];
    for (const route of routes) expect(parseRoute(routeHash(route))).toEqual(route);
  });

  it('fall back to the library', () => {
    for (const hash of ['', '#', '#/', '#/nowhere', '#/video', '#/video/%', '#/video/']) {
      expect(parseRoute(hash), hash).toEqual({ view: 'library' });
    }
  });
});
