import { gateOf, isForward, type Phase } from '../hooks/phases.ts';
import { annotation, type KubeObject, refOf, titleOf } from '../types.ts';
import { dependencies, keyOfReference, providerOf, referencesOf } from './references.ts';

/** An object that is to be placed, and the phase that it belongs to. */
export interface Placeable {
  readonly key: string;
  readonly manifest: KubeObject;
  readonly phase: Phase;
}

/** One object needs another of the same revision, by their places in the list. */
export interface Link {
  readonly to: number;
  /** The other must be healthy first, not only there. */
  readonly isGated: boolean;
  /** Somebody asked for it by annotation. */
  readonly isAsked: boolean;
}

/** Told of what is wrong with what the object at a place depends on. */
type Tell = (index: number, message: string) => void;

/** What the objects of a revision need of each other. */
export interface Links {
  /** By place: what an object needs. There are no circles in it. */
  readonly of: readonly (readonly Link[])[];
  /** All places, each after those that it needs. */
  readonly order: readonly number[];
}

/**
 * What each object of a revision needs of the others: what it depends on by annotation, then what its kind implies. A
 * circle that somebody asked for is told, one that kinds alone imply means nothing; both are cut.
 */
export function linksOf(items: readonly Placeable[], tell: Tell = () => undefined): Links {
  const byKey = new Map(items.map(({ key }, index) => [key, index]));
  const links = items.map((item, index) => [
    ...askedLinks(item, items, byKey, (message) => tell(index, message)),
    ...impliedLinks(item, byKey),
  ]);
  addProviders(items, links);
  return { of: links, order: withoutCircles(items, links, tell) };
}

function askedLinks(
  { manifest, phase }: Placeable,
  items: readonly Placeable[],
  byKey: ReadonlyMap<string, number>,
  tell: (message: string) => void,
): Link[] {
  const text = annotation(manifest, 'config.kubernetes.io/depends-on');
  if (text === undefined) return [];
  return dependencies(text).flatMap((dependency): Link[] => {
    if (dependency.key === undefined) {
      tell(
        `config.kubernetes.io/depends-on: ${JSON.stringify(dependency.text)} is neither GROUP/namespaces/NAMESPACE/KIND/NAME nor GROUP/KIND/NAME`,
      );
      return [];
    }
    const to = byKey.get(dependency.key);
    if (to === undefined) {
      tell(`config.kubernetes.io/depends-on: ${dependency.text} is not in this revision`);
      return [];
    }
    const other = items[to]?.phase ?? 'Sync';
    if (other !== phase && !isForward(gateOf(other, 0))) {
      tell(`config.kubernetes.io/depends-on: ${dependency.text} only runs in the phase ${other}`);
      return [];
    }
    return [{ to, isGated: true, isAsked: true }];
  });
}

function impliedLinks({ key, manifest }: Placeable, byKey: ReadonlyMap<string, number>): Link[] {
  return referencesOf(manifest).flatMap((reference): Link[] => {
    const needed = keyOfReference(reference);
    const to = needed === key ? undefined : byKey.get(needed);
    return to === undefined ? [] : [{ to, isGated: false, isAsked: false }];
  });
}

/** Objects of kinds that the revision brings come after what brings them. */
function addProviders(items: readonly Placeable[], links: Link[][]): void {
  items.forEach(({ manifest: provider }, to) => {
    const provides = providerOf(provider);
    if (provides === undefined) return;
    // The health of a CRD is waited for anyway, as it is the foundation of its wave.
    const isGated = provider.kind === 'APIService';
    items.forEach(({ manifest }, index) => {
      if (index !== to && provides(manifest)) links[index]?.push({ to, isGated, isAsked: false });
    });
  });
}

/** One place on the way that is being walked, and which of its links was followed last. */
interface WayPoint {
  readonly index: number;
  followed: number;
}

/** Walks all links depth first, and cuts the one that leads back into the way that is being walked. */
function withoutCircles(items: readonly Placeable[], links: Link[][], tell: Tell): number[] {
  const done = new Set<number>();
  const way: WayPoint[] = [];
  const follow = ({ to }: Link): void => {
    const back = way.findIndex(({ index }) => index === to);
    if (back < 0) way.push({ index: to, followed: -1 });
    else cut(way.slice(back), links, (text) => tell(to, text), items);
  };
  const goOn = (here: WayPoint): void => {
    here.followed += 1;
    const link = links[here.index]?.[here.followed];
    if (link !== undefined && !done.has(link.to)) follow(link);
    if (link !== undefined) return;
    done.add(here.index);
    way.pop();
  };
  items.forEach((_item, start) => {
    if (!done.has(start)) way.push({ index: start, followed: -1 });
    for (let here = way.at(-1); here !== undefined; here = way.at(-1)) goOn(here);
  });
  return [...done];
}

/** Takes the link out that closes a circle. */
function cut(
  circle: readonly WayPoint[],
  links: Link[][],
  tell: (message: string) => void,
  items: readonly Placeable[],
): void {
  const isAsked = circle.some(({ index, followed }) => links[index]?.[followed]?.isAsked === true);
  if (isAsked)
    tell(
      `depends on itself: ${circleText(
        items,
        circle.map(({ index }) => index),
      )}`,
    );
  const last = circle.at(-1);
  if (last === undefined) return;
  links[last.index]?.splice(last.followed, 1);
  last.followed -= 1;
}

function circleText(items: readonly Placeable[], circle: readonly number[]): string {
  const titles = [...circle, circle[0] ?? 0].map((index) => {
    const item = items[index];
    return item === undefined ? '' : titleOf(refOf(item.manifest));
  });
  return titles.join(' → ');
}
