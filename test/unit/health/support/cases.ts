import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isObject, type Json, textAt } from '../../../../diff/json.ts';
import { messageOf } from '../../../../sync/errors.ts';
import { parseYaml } from '../../../../sync/render/yaml.ts';
import type { KubeObject } from '../../../../sync/types.ts';

/** An object as it stands in a cluster, and what its health must say. */
export interface Case {
  /** Where it stands: `cert-manager/certificate-degraded`. */
  readonly file: string;
  /** The project whose API it is of. */
  readonly project: string;
  readonly title: string;
  /** The page that it was written from. */
  readonly page: string;
  readonly object: KubeObject;
  readonly expect: { readonly status: string; readonly reason?: string; readonly message?: string };
}

const folder = join(import.meta.dirname, '..', '..', '..', 'fixtures', 'health');

/** A day after the objects of the fixtures were made. */
export const now = Date.parse('2026-01-02T00:00:00Z');

/** All cases under test/fixtures/health. */
export const cases: readonly Case[] = globSync('*/*.yaml', { cwd: folder })
  .sort()
  .flatMap((file) =>
    documentsIn(file)
      .filter(isObject)
      .map((entry) => ({
        file: file.replace('.yaml', ''),
        project: dirname(file),
        title: `${basename(file, '.yaml')}: ${textAt(entry, 'case')}`,
        page: textAt(entry, 'page') ?? '',
        object: entry['object'] as KubeObject,
        expect: entry['expect'] as unknown as Case['expect'],
      })),
  );

function documentsIn(file: string): Json[] {
  try {
    return parseYaml(readFileSync(join(folder, file), 'utf8'));
  } catch (error) {
    throw new Error(`${file}: ${messageOf(error)}`);
  }
}
