import {HarnessError, isHarnessError, messageOf} from '@accrete/kit';
import {prepareCpu} from './eager/cpu.ts';
import {EagerRuntime} from './eager/eager-runtime.ts';
import {prepareTensorflow} from './eager/tensorflow.ts';
import {prepareWasm} from './eager/wasm.ts';
import type {Engine, EngineKind} from './engine.ts';
import {loadOnnx, OnnxRuntime, onnxVersions} from './onnx/onnx-runtime.ts';
import {RuntimeEngine} from './runtime/runtime-engine.ts';

/** What createEngine takes. */
export interface EngineOptions {
  /**
   * Which engine. `auto` takes `tensorflow` where its binding loads and sees a GPU, else `onnx`, else `wasm`, else `cpu`.
   * __Default value:__ `auto`.
   */
  readonly kind?: 'auto' | EngineKind;
  /**
   * Threads that one operation may use. `wasm` and `cpu` use 1 in Node; `tensorflow` keeps the number that it was first created
   * with in a process. Results depend on it in their last bits, so it does not depend on the machine. __Default value:__ 1.
   */
  readonly threads?: number;
}

/** One engine as found on this machine. */
export interface EngineFinding {
  readonly kind: EngineKind;
  readonly available: boolean;
  /** Why it is or is not available; where it is not, with the remedy. */
  readonly reason: string;
  readonly versions: Readonly<Record<string, string>>;
}

/**
 * Creates an engine. It holds native resources until `dispose`.
 *
 * @throws HarnessError E_ENGINE where the engine asked for is not available, with the remedy; E_CONFIG for an unknown kind or
 *   a number of threads that is none.
 */
export async function createEngine({kind = 'auto', threads = 1}: EngineOptions = {}): Promise<Engine> {
  if (!Number.isInteger(threads) || threads < 1) {
    throw new HarnessError('E_CONFIG', `threads must be a whole number from 1 on, got ${threads}.`);
  }
  if (kind !== 'auto') return create(kind, threads, `${kind} was asked for.`);
  const passed: string[] = [];
  for (const candidate of ['tensorflow', 'onnx', 'wasm', 'cpu'] as const) {
    try {
      if (candidate === 'tensorflow' && !(await prepareTensorflow(threads)).gpu) {
        passed.push('tensorflow sees no GPU.');
        continue;
      }
      const why = candidate === 'tensorflow' ? 'its binding loads and sees a GPU' : 'it is the first that is available';
      return await create(candidate, threads, [`auto took ${candidate}: ${why}.`, ...passed].join(' '));
    } catch (error) {
      if (!isHarnessError(error)) throw error;
      passed.push(`${candidate} is not available.`);
    }
  }
  throw new HarnessError('E_ENGINE', `no engine is available: ${passed.join(' ')} Reinstall @accrete/engine.`);
}

/** Every engine, whether it can be used on this machine, and what to do where it cannot. */
export async function findEngines(): Promise<readonly EngineFinding[]> {
  const find = async (
    kind: EngineKind,
    probe: () => Promise<{reason: string; versions: Readonly<Record<string, string>>}>,
  ): Promise<EngineFinding> => {
    try {
      return {kind, available: true, ...(await probe())};
    } catch (error) {
      return {kind, available: false, reason: messageOf(error), versions: {}};
    }
  };
  return [
    await find('onnx', async () => ({
      reason: 'compiled graphs on the CPU; the engine of choice without a GPU',
      versions: onnxVersions(await loadOnnx()),
    })),
    await find('tensorflow', async () => {
      const {gpu, versions} = await prepareTensorflow();
      return {reason: gpu ? 'native, on a GPU' : 'native, on the CPU: TensorFlow sees no GPU', versions};
    }),
    await find('wasm', async () => ({
      reason: 'step by step in WebAssembly; kernels that it lacks run on cpu',
      versions: (await prepareWasm(1)).versions,
    })),
    await find('cpu', async () => ({reason: 'step by step in plain JavaScript; slow', versions: await prepareCpu()})),
  ];
}

async function create(kind: EngineKind, threads: number, reason: string): Promise<Engine> {
  switch (kind) {
    case 'onnx':
      return new RuntimeEngine(new OnnxRuntime(await loadOnnx(), threads), reason);
    case 'tensorflow': {
      const tensorflow = await prepareTensorflow(threads);
      return new RuntimeEngine(new EagerRuntime(kind, tensorflow.threads, tensorflow.versions), reason);
    }
    case 'wasm': {
      const wasm = await prepareWasm(threads);
      return new RuntimeEngine(new EagerRuntime(kind, wasm.threads, wasm.versions), reason);
    }
    case 'cpu':
      return new RuntimeEngine(new EagerRuntime(kind, 1, await prepareCpu()), reason);
    default:
      throw new HarnessError('E_CONFIG', `unknown engine "${String(kind)}". Known: auto, onnx, tensorflow, wasm, cpu.`);
  }
}
