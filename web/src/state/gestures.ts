// Pointer and wheel on the timeline. Mouse: press and drag to scrub, wheel to zoom, sideways or
// Shift+wheel to pan. Touch: tap to seek, drag to pan (on the ruler: to scrub), pinch to zoom.
// Places are shares of the surface's width.

export interface SurfaceActions {
  zoom(factor: number, at: number): boolean; // false: nothing changed
  pan(by: number): void;
  scrub(at: number): void;
  hover(at: number | null): void;
}

const slop = 6; // pixels that a finger may move in a tap

export function gestures(actions: SurfaceActions) {
  return (surface: HTMLElement) => {
    const pointers = new Map<number, { x: number; startX: number }>();
    let mode: 'idle' | 'scrub' | 'press' | 'pan' | 'pinch' = 'idle';
    let rect = surface.getBoundingClientRect();

    const share = (x: number) => (x - rect.left) / rect.width;
    const capture = (id: number) => surface.setPointerCapture(id);

    function spread() {
      const [a, b] = [...pointers.values()];
      return a && b ? { middle: (a.x + b.x) / 2, distance: Math.max(10, Math.abs(a.x - b.x)) } : null;
    }

    function down(event: PointerEvent) {
      if (event.button > 0) return;
      rect = surface.getBoundingClientRect();
      pointers.set(event.pointerId, { x: event.clientX, startX: event.clientX });
      if (pointers.size === 2) {
        mode = 'pinch';
        for (const id of pointers.keys()) capture(id);
        return;
      }
      const target = event.target as Element;
      const onBar = target.closest('button') !== null;
      const onRuler = target.closest('[role=slider]') !== null;
      if (!onBar && (event.pointerType !== 'touch' || onRuler)) {
        mode = 'scrub';
        capture(event.pointerId);
        actions.scrub(share(event.clientX));
      } else {
        mode = 'press';
      }
    }

    function move(event: PointerEvent) {
      const pointer = pointers.get(event.pointerId);
      if (!pointer) {
        if (event.pointerType !== 'touch') {
          rect = surface.getBoundingClientRect();
          const onEdge = (event.target as Element).closest('.edge') !== null;
          actions.hover(onEdge ? null : share(event.clientX));
        }
        return;
      }
      const before = spread();
      const movedBy = event.clientX - pointer.x;
      if (mode === 'press' && Math.abs(event.clientX - pointer.startX) > slop) {
        mode = 'pan';
        capture(event.pointerId);
      }
      pointer.x = event.clientX;
      if (mode === 'scrub') {
        actions.scrub(share(event.clientX));
        actions.hover(share(event.clientX));
      } else if (mode === 'pan') {
        actions.pan(-movedBy / rect.width);
      } else if (mode === 'pinch' && before) {
        const after = spread()!;
        actions.zoom(after.distance / before.distance, share(after.middle));
        actions.pan(-(after.middle - before.middle) / rect.width);
      }
    }

    function up(event: PointerEvent) {
      const pointer = pointers.get(event.pointerId);
      if (!pointer) return;
      pointers.delete(event.pointerId);
      const onBar = (event.target as Element).closest('button') !== null;
      if (mode === 'press' && event.type === 'pointerup' && !onBar) actions.scrub(share(event.clientX));
      // A finger that stays after a pinch does not drag on.
      if (pointers.size === 0) mode = 'idle';
      else if (mode === 'pinch') mode = 'idle';
    }

    function wheel(event: WheelEvent) {
      rect = surface.getBoundingClientRect();
      const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 20 : 1;
      const sideways = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX;
      if (Math.abs(sideways) > Math.abs(event.deltaY) || event.shiftKey) {
        actions.pan((sideways * pixels) / rect.width);
        event.preventDefault();
        return;
      }
      // Browsers give a pinch on a touchpad as a wheel with Control.
      const factor = Math.exp(-event.deltaY * pixels * (event.ctrlKey ? 0.01 : 0.002));
      // Where nothing is left to zoom, the page may scroll.
      if (actions.zoom(factor, share(event.clientX)) || event.ctrlKey) event.preventDefault();
    }

    const leave = () => actions.hover(null);
    const listeners = { pointerdown: down, pointermove: move, pointerup: up, pointercancel: up, pointerleave: leave };
    for (const [name, listener] of Object.entries(listeners)) {
      surface.addEventListener(name, listener as EventListener);
    }
    surface.addEventListener('wheel', wheel, { passive: false });
    return () => {
      for (const [name, listener] of Object.entries(listeners)) {
        surface.removeEventListener(name, listener as EventListener);
      }
      surface.removeEventListener('wheel', wheel);
    };
  };
}
