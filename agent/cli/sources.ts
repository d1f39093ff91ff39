import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addressClasses } from '../../sync/addresses.ts';
import type { Charts, Sources } from '../../sync/ports.ts';
import type { Engine } from '../../sync/render/engine-port.ts';
import { createEngines, indexReader } from '../../sync/render/engines.ts';
import { askJson } from '../../sync/source/ask-json.ts';
import { addressRule, openConnections } from '../../sync/source/connections.ts';
import { createSources } from '../../sync/source/sources.ts';
import { enginePlace } from '../engine-place.ts';
import { type AppTokens, createAppTokens } from '../github-app.ts';

/** What a command reads sources and renders by. */
export interface Opened {
  readonly sources: Sources;
  readonly charts: Charts;
  readonly engine: Engine;
  readonly tokens: AppTokens;
}

/** Does something with sources that are read for this command only, and leaves nothing behind. */
export async function withSources<T>(use: (opened: Opened) => Promise<T>): Promise<T> {
  // Whoever calls may reach what they can reach.
  const connections = openConnections(addressRule(addressClasses));
  const engine = createEngines(enginePlace(process.env['LOCKSTEP_ENGINE'] ?? ''));
  const dir = mkdtempSync(join(tmpdir(), 'lockstep-sources-'));
  const { sources, charts } = createSources(dir, { connections, readIndex: indexReader(engine) });
  const tokens = createAppTokens((...asked) => askJson(connections, ...asked), Date);
  try {
    return await use({ sources, charts, engine, tokens });
  } finally {
    await sources.close();
    await connections.close();
    await engine.close();
    rmSync(dir, { recursive: true, force: true });
  }
}
