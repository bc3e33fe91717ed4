// A worker process of the local executor: computes one job at a time, as the parent sends them.
import {createBench} from './compute.ts';
import type {FromWorker, ToWorker} from './job.ts';

const send = (message: FromWorker): void => {
  process.send?.(message);
};
const bench = createBench((message) => send({type: 'message', message}));
let queue = Promise.resolve();

process.on('message', ({job, options}: ToWorker) => {
  queue = queue.then(async () => {
    const result = await bench.run(job, options, (event) => send({type: 'event', event}));
    send({type: 'end', result});
  });
});
// The parent is gone: what is on disk can be resumed.
process.on('disconnect', () => process.exit(0));
send({type: 'ready'});
