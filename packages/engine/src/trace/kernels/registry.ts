import {binaryKernels} from './binary.ts';
import {convolutionKernels} from './convolution.ts';
import {creationKernels} from './creation.ts';
import {indexingKernels} from './indexing.ts';
import type {KernelMapping} from './kernel.ts';
import {normalisationKernels} from './normalisation.ts';
import {poolingKernels} from './pooling.ts';
import {productKernels} from './product.ts';
import {reductionKernels} from './reduction.ts';
import {shapeKernels} from './shape.ts';
import {unaryKernels} from './unary.ts';

/** Every tfjs kernel that can be traced, by family. */
export const kernelFamilies: Readonly<Record<string, readonly KernelMapping[]>> = {
  unary: unaryKernels,
  binary: binaryKernels,
  reduction: reductionKernels,
  product: productKernels,
  convolution: convolutionKernels,
  pooling: poolingKernels,
  normalisation: normalisationKernels,
  shape: shapeKernels,
  creation: creationKernels,
  indexing: indexingKernels,
};

/** Every tfjs kernel that can be traced. */
export const kernelMappings: readonly KernelMapping[] = Object.values(kernelFamilies).flat();
