// The thread of a lane, run from the source tree: a thread does not take over how TypeScript is read.
import {register} from 'tsx/esm/api';

register();
await import('./lane-worker.ts');
