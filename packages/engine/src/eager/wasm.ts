import {createRequire} from 'node:module';
import {dirname, join, sep} from 'node:path';
import {HarnessError} from '@accrete/kit';
import {getThreadsCount, setThreadsCount, setWasmPaths, version_wasm} from '@tensorflow/tfjs-backend-wasm';
import {
  type BackendValues,
  type DataId,
  findBackend,
  getKernel,
  getKernelsForBackend,
  type KernelBackend,
  type KernelConfig,
  registerKernel,
  type TensorInfo,
  unregisterKernel,
} from '@tensorflow/tfjs-core';
import {readyBackend} from './backend.ts';
import {prepareCpu} from './cpu.ts';

/** The tfjs `wasm` backend, ready. */
export interface WasmBackend {
  /** Threads that it uses: 1 in Node, where tfjs does not support more. */
  readonly threads: number;
  readonly versions: Readonly<Record<string, string>>;
}

/**
 * Makes the tfjs `wasm` backend ready. Kernels that it lacks are those of the `cpu` backend, whose tensors are copied in and
 * out. The backend is one per process: the number of threads is that of the first call.
 *
 * @throws HarnessError E_ENGINE where it cannot be started.
 */
export async function prepareWasm(threads: number): Promise<WasmBackend> {
  const listeners = processListeners();
  await prepareCpu();
  if (findBackend('wasm') === null) {
    const main = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
    setWasmPaths(join(dirname(main), '../wasm-out') + sep);
    setThreadsCount(threads);
  }
  if (!(await readyBackend('wasm'))) {
    throw new HarnessError(
      'E_ENGINE',
      'engine "wasm": the tfjs wasm backend does not start. Reinstall @tensorflow/tfjs-backend-wasm, or use createEngine({kind: \'cpu\'}).',
    );
  }
  listeners.restore();
  fillGaps();
  return {threads: getThreadsCount(), versions: {'tfjs-backend-wasm': version_wasm}};
}

/** Emscripten takes over errors that no one caught, and rethrows them with its own stack; the process keeps its own way. */
function processListeners(): {restore(): void} {
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const before = events.map((event) => process.listeners(event as 'uncaughtException'));
  return {
    restore: () => {
      for (const [i, event] of events.entries()) {
        for (const listener of process.listeners(event as 'uncaughtException')) {
          if (!before[i]!.includes(listener)) process.off(event, listener);
        }
      }
    },
  };
}

interface CpuBackend extends KernelBackend {
  makeTensorInfo(shape: number[], dtype: TensorInfo['dtype'], values: BackendValues): TensorInfo;
}

/**
 * Kernels of tfjs-backend-wasm 4.22 that compute something else than those of `cpu`: on every input, or on int32 and bool.
 * MaxPoolGrad loses gradients, the others take whole numbers for floats.
 */
const faulty: Readonly<Record<string, 'always' | 'whole'>> = {
  MaxPoolGrad: 'always',
  ClipByValue: 'whole',
  Neg: 'whole',
};

function fillGaps(): void {
  for (const {kernelName, kernelFunc} of getKernelsForBackend('cpu')) {
    const known = getKernel(kernelName, 'wasm') as KernelConfig | undefined;
    const replaced = onCpu(kernelFunc);
    if (known === undefined) registerKernel({kernelName, backendName: 'wasm', kernelFunc: replaced});
    else if (faulty[kernelName] !== undefined && !mended.has(kernelName)) {
      const {kernelFunc: own} = known;
      const always = faulty[kernelName] === 'always';
      mended.add(kernelName);
      unregisterKernel(kernelName, 'wasm');
      registerKernel({
        ...known,
        kernelFunc: (call) => (always || call.inputs['x']?.dtype !== 'float32' ? replaced(call) : own(call)),
      });
    }
  }
}

const mended = new Set<string>();

/** A kernel of the cpu backend, for tensors of the wasm backend. */
function onCpu(kernelFunc: KernelConfig['kernelFunc']): KernelConfig['kernelFunc'] {
  return ({inputs, attrs}) => {
    const wasm = findBackend('wasm') as KernelBackend;
    const cpu = findBackend('cpu') as CpuBackend;
    const made = new Set<DataId>();
    const copies: Record<string, TensorInfo> = {};
    for (const [name, input] of Object.entries(inputs)) {
      if (input === undefined || input === null) continue;
      copies[name] = cpu.makeTensorInfo(input.shape, input.dtype, wasm.readSync(input.dataId));
      made.add(copies[name].dataId);
    }
    const results = kernelFunc({
      inputs: Array.isArray(inputs) ? (Object.values(copies) as never) : copies,
      backend: cpu,
      ...(attrs === undefined ? {} : {attrs}),
    });
    const moved = [results].flat().map(({dataId, shape, dtype}) => {
      made.add(dataId);
      return {dataId: wasm.write(cpu.readSync(dataId), shape, dtype), shape, dtype};
    });
    for (const dataId of made) cpu.disposeData(dataId, true);
    return Array.isArray(results) ? moved : moved[0]!;
  };
}
