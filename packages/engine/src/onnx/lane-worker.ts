// A thread that computes one lane of each program, as the main thread asks for it.
import {parentPort} from 'node:worker_threads';
import {messageOf} from '@accrete/kit';
import * as ort from 'onnxruntime-node';
import {bytesIn} from './bytes.ts';
import type {LaneReply, LaneRequest, Place} from './lanes.ts';
import {emptyTensor, openSession, runInto} from './session.ts';

/** A program of which this thread computes a lane. */
interface Loaded {
  run(): Promise<void>;
  release(): Promise<void>;
}

const loaded = new Map<number, Loaded>();

ort.env.logLevel = 'error';
parentPort!.on('message', (request: LaneRequest) => {
  const reply = (error?: string): void => {
    const message: LaneReply = {id: request.id, ...(error === undefined ? {} : {error})};
    parentPort!.postMessage(message);
  };
  answer(request).then(
    () => reply(),
    (error: unknown) => reply(messageOf(error)),
  );
});

async function answer(request: LaneRequest): Promise<void> {
  const known = loaded.get(request.program);
  if (request.kind === 'load') loaded.set(request.program, await load(request));
  else if (known === undefined) throw new Error(`this thread holds no program ${request.program}`);
  else if (request.kind === 'run') await known.run();
  else {
    loaded.delete(request.program);
    await known.release();
  }
}

async function load({model, memory, inputs, outputs}: LaneRequest & {kind: 'load'}): Promise<Loaded> {
  const session = await openSession(ort, model, 1);
  // ONNX Runtime takes no shared memory, so that arrays are copied from there and back.
  const tensors = (places: readonly Place[]): ort.Tensor[] => places.map(({spec}) => emptyTensor(ort, spec));
  const [fed, made] = [tensors(inputs), tensors(outputs)];
  const feeds = Object.fromEntries(inputs.map(({name}, i) => [name, fed[i]!]));
  const fetches = Object.fromEntries(outputs.map(({name}, i) => [name, made[i]!]));
  const bytes = new Uint8Array(memory);
  return {
    async run() {
      for (const [i, {offset, length}] of inputs.entries()) {
        bytesIn(fed[i]!).set(bytes.subarray(offset, offset + length));
      }
      await runInto(session, feeds, fetches);
      for (const [i, {offset}] of outputs.entries()) bytes.set(bytesIn(made[i]!), offset);
    },
    release: () => session.release(),
  };
}
