// Keys of the workspace. Fields, buttons and sliders keep their own keys.
import { app } from './app.svelte.ts';
import { settings } from './settings.svelte.ts';
import type { Workspace } from './workspace.svelte.ts';

export function handleKey(event: KeyboardEvent, workspace: Workspace, focusQuestion: () => void): void {
  if (!settings.shortcuts || event.defaultPrevented) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target as Element;
  if (target.closest('input:not([type=range]), textarea, select, dialog')) return;
  const onControl = target.closest('button, a, summary, [role=tab], input') !== null;
  const action = actionFor(event, workspace, focusQuestion);
  const belongsToControl = onControl && (/^Arrow|^Home$|^End$/.test(event.key) || event.key === ' ');
  if (!action || belongsToControl) return;
  event.preventDefault();
  action();
}

function actionFor(
  { key, shiftKey }: KeyboardEvent,
  workspace: Workspace,
  focusQuestion: () => void,
): (() => void) | undefined {
  const { player } = workspace;
  const seconds = shiftKey ? 5 : 1;
  switch (key.length === 1 ? key.toLowerCase() : key) {
    case ' ':
      return () => player.toggle();
    case 'k':
      return () => player.pause();
    case 'j':
      return () => player.shuttle(-1);
    case 'l':
      return () => player.shuttle(1);
    case ',':
      return () => player.step(-1);
    case '.':
      return () => player.step(1);
    case 'ArrowLeft':
      return () => workspace.seek(player.time - seconds);
    case 'ArrowRight':
      return () => workspace.seek(player.time + seconds);
    case 'ArrowUp':
      return () => workspace.selectNext(-1);
    case 'ArrowDown':
      return () => workspace.selectNext(1);
    case 'Home':
      return () => workspace.seek(0);
    case 'End':
      return () => workspace.seek(workspace.video.duration);
    case '+':
    case '=':
      return () => workspace.zoomBy(1.6);
    case '-':
      return () => workspace.zoomBy(1 / 1.6);
    case '0':
      return () => workspace.fit();
    case 'r':
      return () => {
        if (player.loop) player.loop = null;
        else if (workspace.selected !== null) workspace.loop(workspace.selected);
      };
    case 'i':
      return () => workspace.mark('start');
    case 'o':
      return () => workspace.mark('end');
    case 'n':
      return () => workspace.add();
    case 's':
      return () => workspace.split();
    case 'Delete':
    case 'Backspace':
      return () => workspace.remove();
    case '/':
      return focusQuestion;
    case '?':
      return () => (app.dialog = 'help');
    case 'Escape':
      return () => {
        workspace.draft = null;
        workspace.selected = null;
      };
    default:
      return undefined;
  }
}
