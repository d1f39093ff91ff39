import { type TSchema, Type } from '@sinclair/typebox';
import type { Probes } from '../../probes.ts';
import { ok, type Route, route } from '../route.ts';

const probeView = Type.Object({ ok: Type.Boolean() });

/** Probes and metrics. They tell strangers nothing but yes or no, and numbers. */
export function probeRoutes(probes: Probes, metrics: () => Promise<{ body: string; type: string }>): Route[] {
  return [
    probe('/healthz', 'isHealthy', 'Whether the agent works: its event loop turns and its watches live.', () =>
      probes.isHealthy(),
    ),
    probe('/readyz', 'isReady', 'Whether the agent leads and has seen the Deliveries.', () => probes.isReady()),
    route({
      method: 'GET',
      path: '/metrics',
      id: 'readMetrics',
      summary: 'What Prometheus scrapes.',
      access: 'open',
      answers: { 200: { description: 'Metrics.', schema: Type.String(), type: 'text/plain' } },
      problems: [],
      handle: async () => ({ status: 200, ...(await metrics()) }),
    }),
  ];
}

function probe(path: string, id: string, summary: string, check: () => boolean): Route {
  const answer = (description: string): { description: string; schema: TSchema } => ({
    description,
    schema: probeView,
  });
  return route({
    method: 'GET',
    path,
    id,
    summary,
    access: 'open',
    answers: { 200: answer('Yes.'), 503: answer('No.') },
    problems: [],
    handle: async () => {
      const isOk = check();
      return ok({ ok: isOk }, isOk ? 200 : 503);
    },
  });
}
