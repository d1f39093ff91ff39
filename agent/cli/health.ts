import { healthOf } from '../../health/rules.ts';
import { passesGate } from '../../health/scale.ts';
import { parse } from './arguments.ts';
import { objectsIn } from './files.ts';

/** `lockstep health`: one JSON line for each object, in order; exit code 2 when one is not healthy. */
export async function healthCommand(args: readonly string[]): Promise<number> {
  const { file } = parse(args, { file: { type: 'string', short: 'f' } }, []).flags;
  if (file === undefined) throw new Error('-f FILE is needed; - reads from standard input');
  let code = 0;
  for (const object of objectsIn(file)) {
    const health = healthOf(object, { now: Date.now() });
    if (!passesGate(health)) code = 2;
    const { apiVersion, kind, metadata } = object;
    const { status, reason, message } = health;
    const line = { apiVersion, kind, namespace: metadata.namespace, name: metadata.name, status, reason, message };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  }
  return code;
}
