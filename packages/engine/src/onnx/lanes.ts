import {createRequire} from 'node:module';
import {Worker} from 'node:worker_threads';
import type {ArraySpec} from '@accrete/kit';

/** Where one array of a program lies in the memory that threads share, in bytes. */
export interface Place {
  readonly name: string;
  readonly spec: ArraySpec;
  readonly offset: number;
  readonly length: number;
}

/** What a thread is asked for. */
export type LaneRequest = {readonly id: number} & LaneTask;

/** What can be done with a program in a thread. */
export type LaneTask =
  | {
      readonly kind: 'load';
      readonly program: number;
      readonly model: Uint8Array;
      readonly memory: SharedArrayBuffer;
      readonly inputs: readonly Place[];
      readonly outputs: readonly Place[];
    }
  | {readonly kind: 'run' | 'unload'; readonly program: number};

/** That it is done, or why it is not. */
export interface LaneReply {
  readonly id: number;
  readonly error?: string;
}

/** A thread that computes lanes of programs. It keeps the process alive only while it is asked for something. */
class LaneThread {
  readonly #worker = new Worker(createRequire(import.meta.url).resolve('#lane-worker'));
  readonly #waiting = new Map<number, {resolve(): void; reject(reason: Error): void}>();
  #requests = 0;
  #ended: Error | undefined;

  constructor() {
    this.#worker.unref();
    this.#worker.on('message', ({id, error}: LaneReply) => {
      const waiting = this.#waiting.get(id)!;
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) this.#worker.unref();
      if (error === undefined) waiting.resolve();
      else waiting.reject(new Error(error));
    });
    this.#worker.on('error', (error: Error) => this.#end(error));
    this.#worker.on('exit', (code) => this.#end(new Error(`the thread ended with code ${code}`)));
  }

  ask(task: LaneTask): Promise<void> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = this.#requests++;
    this.#worker.ref();
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, {resolve, reject});
      this.#worker.postMessage({id, ...task} satisfies LaneRequest);
    });
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }

  #end(reason: Error): void {
    this.#ended ??= reason;
    for (const {reject} of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
  }
}

/** The threads of an engine, beside the one that it was created in: started for the first program in lanes, stopped after the last. */
export class LaneThreads {
  readonly #count: number;
  #threads: readonly LaneThread[] = [];
  #programs = 0;
  #held = 0;

  constructor(count: number) {
    this.#count = count;
  }

  /** A number for a program, which holds the threads until `release`. */
  hold(): number {
    if (this.#held++ === 0) this.#threads = Array.from({length: this.#count}, () => new LaneThread());
    return this.#programs++;
  }

  async release(): Promise<void> {
    if (--this.#held > 0) return;
    const threads = this.#threads;
    this.#threads = [];
    await Promise.all(threads.map((thread) => thread.stop()));
  }

  /** Asks every thread for something, each for its own. @returns once all have answered. @throws the first reason that one gave. */
  async ask(taskFor: (thread: number) => LaneTask): Promise<void> {
    const answers = await Promise.allSettled(this.#threads.map((thread, i) => thread.ask(taskFor(i))));
    for (const answer of answers) if (answer.status === 'rejected') throw answer.reason;
  }
}
