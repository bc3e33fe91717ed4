import {getKernelsForBackend, type KernelConfig, registerKernel} from '@tensorflow/tfjs-core';
import {kernelMappings} from './kernels/registry.ts';
import type {TraceBackend} from './trace-backend.ts';

/** Kernels from which tfjs takes a list, whatever its length. */
const severalResults: ReadonlySet<string> = new Set(['SplitV', 'Unpack', 'TopK']);

/** Registers every mapped kernel for a tracing backend, once; tfjs keeps them when the backend goes. */
export function registerMappings(backendName: string): void {
  if (getKernelsForBackend(backendName).length > 0) return;
  for (const mapping of kernelMappings) {
    const kernelFunc: KernelConfig['kernelFunc'] = ({inputs, attrs, backend}) => {
      const results = (backend as TraceBackend).call(mapping, inputs, attrs ?? {});
      return results.length === 1 && !severalResults.has(mapping.kernel) ? results[0]! : results;
    };
    registerKernel({kernelName: mapping.kernel, backendName, kernelFunc});
  }
}
