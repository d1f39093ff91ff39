import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { canonicalJson, type Json } from '../../../diff/json.ts';
import { parseYaml } from '../../../sync/render/yaml.ts';
import { YamlError } from '../../../sync/render/yaml-error.ts';
import { printYaml } from '../../../sync/render/yaml-print.ts';
import { broken, campaign, campaignTimeout, inTime, requireUntouched } from './campaign.ts';

const folder = join(import.meta.dirname, '..', '..', 'vectors', 'yaml');
const probes: { input: string }[] = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'));
const manifest = `apiVersion: v1 # of the shop
kind: Secret
metadata: {name: a, annotations: {"a/b": 'it''s', c: [
  1, 0x1F, ~]}}
stringData:
  pass: C4NARY-7f3a
  multi: |-
    line one

     line two
  folded: >+
    a
    b

---
- &x {a: 1, <<: {b: 2}}
- *x
- ? [complex]
  : !!str 12
...
`;
const corpus = [manifest, ...probes.map(({ input }) => input)].map((text) => Buffer.from(text));
const words = [
  '---\n',
  '...\n',
  '\n  ',
  '- ',
  ': ',
  '? ',
  '{',
  '}',
  '[',
  ']',
  '&a ',
  '*a',
  '<<: ',
  '!!binary ',
  '!!set ',
  '|\n',
  '>-\n',
  '"',
  "'",
];
const more = [
  '__proto__: ',
  'constructor: ',
  '\t',
  '\ufeff',
  '\u2028',
  '\r',
  '#',
  '0777',
  '1_0',
  '.inf',
  '2001-01-01',
  '%YAML 1.1\n',
  ', ',
  '@',
];

/** What was read is printed so that it reads back the same; what was not tells a line and quotes nothing. */
function holds(text: string): void {
  let documents: Json[];
  try {
    documents = inTime(2_000, () => parseYaml(text));
  } catch (error) {
    expect(error).toBeInstanceOf(YamlError);
    const { line, message } = error as YamlError;
    expect(message).not.toContain('C4NARY');
    if (line !== undefined) expect(line).toBeLessThanOrEqual(text.split(/\r\n|[\n\r\u0085\u2028\u2029]/).length + 1);
    return;
  }
  for (const document of documents)
    expect(canonicalJson(parseYaml(printYaml(document))[0] ?? null)).toBe(canonicalJson(document));
  requireUntouched();
}

it('YAML that is broken is an error of its own, or is read and printed the same', { timeout: campaignTimeout }, () =>
  campaign('YAML', broken(corpus, [...words, ...more]), 3_000, (bytes) => holds(bytes.toString())),
);

it('YAML that is noise too', () => {
  const noise = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.array(fc.constantFrom(...words, ...more, 'a', '1')).map((some) => some.join('')),
  );
  fc.assert(fc.property(noise, holds), { numRuns: 1_000 });
});
