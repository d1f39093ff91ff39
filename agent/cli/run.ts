import { main } from './main.ts';

// The entry of the bundle. From a checkout, lockstep.mjs looks for a Node that is new enough first.
process.exitCode = await main(process.argv.slice(2));
