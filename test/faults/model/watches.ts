import { ApiError } from '../../../sync/errors.ts';
import type { WatchEvent, Watches, WatchTarget } from '../../../sync/ports.ts';
import { deliveryLabel } from '../../../sync/stamp.ts';
import type { KubeObject } from '../../../sync/types.ts';
import type { Random } from '../random.ts';
import { type ApiServer, type Change, isSelected } from './api-server.ts';
import type { Time } from './time.ts';

/** How badly watches do. */
export interface WatchFaults {
  /** They tell nothing until this moment. */
  silentUntil: number;
  /** So many of a hundred events end their watch, which then begins anew. */
  cut: number;
  /** So many of a hundred are told twice. */
  doubled: number;
}

/** Watches as an agent sees them: what happens is told later, in order; one that is cut tells all there is again. */
export function createModelWatches(
  server: ApiServer,
  time: Time,
  random: Random,
  faults: WatchFaults,
  isDead: () => boolean,
): Watches & { cutAll(): void } {
  const cuts = new Set<() => void>();

  function open(target: WatchTarget, tell: (event: WatchEvent) => void): () => void {
    let isClosed = false;
    let round = 0;
    const queue: (() => void)[] = [];
    let isDraining = false;

    function fits({ apiVersion, kind, metadata }: KubeObject): boolean {
      return (
        apiVersion === target.apiVersion &&
        kind === target.kind &&
        (target.namespace === undefined || metadata.namespace === target.namespace)
      );
    }
    const isMeant = (object: KubeObject): boolean => isSelected(object, target.selector ?? deliveryLabel);

    /** One after the other, each when its time has come. */
    function enqueue(act: () => void): void {
      queue.push(act);
      if (!isDraining) drain();
    }
    function drain(): void {
      isDraining = queue.length > 0;
      if (!isDraining) return;
      const delay = Math.max(random.between(1, 60), faults.silentUntil - time.now());
      time.after(delay, () => {
        const act = queue.shift();
        if (!isClosed && !isDead()) act?.();
        drain();
      });
    }

    const told = new Map<string, KubeObject>();
    function begin(): void {
      round += 1;
      const own = round;
      queue.length = 0;
      enqueue(() => {
        if (own !== round) return;
        told.clear();
        const present = [...server.objects.values()].filter((object) => fits(object) && isMeant(object));
        for (const object of present) note('changed', object);
        tell({ type: 'synced', present: new Set(present.map(({ metadata }) => metadata.uid ?? '')) });
        tell({ type: 'opened' });
      });
    }

    function note(type: Change['type'], object: KubeObject): void {
      const uid = object.metadata.uid ?? '';
      if (type === 'deleted') told.delete(uid);
      else told.set(uid, object);
      tell({ type, object });
    }

    function onChange({ type, object }: Change): void {
      if (fits(object)) enqueue(() => tellOf(type === 'deleted' || !isMeant(object), object));
    }

    /** Who has lost the label is told of as it was last. */
    function tellOf(isGone: boolean, object: KubeObject): void {
      const last = told.get(object.metadata.uid ?? '');
      if (isGone && last !== undefined) note('deleted', last);
      if (!isGone) note('changed', object);
      if (!isGone && random.percent(faults.doubled)) note('changed', object);
      if (random.percent(faults.cut)) cut();
    }

    function cut(): void {
      tell({ type: 'failed', error: new ApiError('cut', { status: 0, reason: '', class: 'transient' }) });
      begin();
    }

    server.listeners.add(onChange);
    cuts.add(cut);
    begin();
    return () => {
      isClosed = true;
      server.listeners.delete(onChange);
      cuts.delete(cut);
    };
  }

  return {
    open,
    cutAll: () => {
      for (const cut of cuts) cut();
    },
  };
}
