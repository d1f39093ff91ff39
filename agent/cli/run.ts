import { setFlagsFromString } from 'node:v8';

// The entry of the bundle. From a checkout, lockstep.mjs looks for a Node that is new enough first.
setFlagsFromString('--max-semi-space-size=1');
setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--optimize-for-size');
const { main } = await import('./main.ts');
process.exitCode = await main(process.argv.slice(2));
