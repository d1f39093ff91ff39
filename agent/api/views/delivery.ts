import { at, textAt } from '../../../diff/json.ts';
import { condition } from '../../../health/kinds/conditions.ts';
import type { DeliveryStatus } from '../../../sync/delivery/status-schema.ts';
import type { KubeObject } from '../../../sync/types.ts';
import type { DeliveryView } from './schemas.ts';

/** A Delivery as REST shows it: its status says it all, and what it says is masked already. */
export function viewDelivery(object: KubeObject, status: DeliveryStatus): DeliveryView {
  const { namespace = '', name, uid = '' } = object.metadata;
  const { wave, hold, lastSync, lastRequest, requestRefused } = status;
  return {
    namespace,
    name,
    uid,
    source: viewSource(object),
    isSuspended: at(object, 'spec', 'suspend') === true,
    state: status.state ?? 'Planning',
    ready: viewReady(object),
    health: { status: condition(object, 'Healthy')?.reason ?? 'Unknown', counts: status.health ?? {} },
    revision: status.revision ?? {},
    sequence: status.sequence ?? 0,
    actions: status.actions ?? {},
    worst: status.worst ?? [],
    ...present({ wave, hold, lastSync, lastRequest, requestRefused }),
  };
}

/** The later of several references counts, as in the spec. A chart alone has its version for one. */
function viewSource(object: KubeObject): DeliveryView['source'] {
  const helm = (field: string): string | undefined => textAt(object, 'spec', 'render', 'helm', field);
  const url = textAt(object, 'spec', 'source', 'url');
  if (url === undefined)
    return {
      url: withoutUser(helm('repository') ?? ''),
      ref: `${helm('chart') ?? ''} ${helm('version') ?? '*'}`,
      path: '',
    };
  const refs = ['branch', 'tag', 'semver', 'name', 'commit', 'digest'];
  const named = refs.flatMap((field) => textAt(object, 'spec', 'source', 'ref', field) ?? []).at(-1);
  const ref = named ?? (url.startsWith('oci://') ? 'latest' : 'main');
  return { url: withoutUser(url), ref, path: textAt(object, 'spec', 'source', 'path') ?? '' };
}

function viewReady(object: KubeObject): DeliveryView['ready'] {
  const { status, reason, message } = condition(object, 'Ready') ?? {};
  return { status: status ?? 'Unknown', reason: reason ?? 'NotSeen', message: message ?? 'not seen yet' };
}

/** Without what is not there. */
function present<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const there: unknown = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  return there as { [K in keyof T]?: NonNullable<T[K]> };
}

/** A URL with a password in it is refused, but stands in the spec all the same. */
function withoutUser(text: string): string {
  if (!URL.canParse(text)) return text.includes('@') ? '' : text;
  const url = new URL(text);
  if (url.username === '' && url.password === '') return text;
  url.username = '';
  url.password = '';
  return url.href;
}
