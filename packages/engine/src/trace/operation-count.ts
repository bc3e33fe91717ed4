import {type ArraySpec, HarnessError, sizeOf} from '@accrete/kit';
import type {PureFunction} from '../engine.ts';
import type {GraphNode} from './graph.ts';
import {trace} from './trace.ts';

/**
 * Floating-point operations of one call of a function in matrix products and convolutions, a multiplication and an addition
 * counting as two. The function is traced as it is written: the count is the same for every engine and number of threads.
 *
 * @param inputs shapes of what the function takes; a batch of one counts one example.
 * @throws HarnessError E_TRACE where the function does what cannot be recorded, such as a kernel that has no mapping.
 *
 * Source: what PyTorch's FlopCounterMode counts, https://github.com/pytorch/pytorch, `torch/utils/flop_counter.py`.
 * Elementwise work, reductions and look-ups are not counted.
 */
export function countOperations(fn: PureFunction, inputs: Readonly<Record<string, ArraySpec>>): number {
  const {graph} = trace(fn, inputs, {}, (traced) => traced);
  return graph.nodes.reduce((sum, node) => sum + operationsOf(node), 0);
}

function operationsOf({op, inputs, outputs, attributes}: GraphNode): number {
  const [left, right] = inputs.map(({shape}) => shape);
  const made = outputs[0]?.shape;
  if (!left || !right || !made) return 0;
  switch (op) {
    case 'MatMul':
    case 'Gemm':
    case 'FusedMatMul':
      return 2 * sizeOf(made) * (left.at(attributes['transA'] === 1 ? -2 : -1) ?? 1);
    case 'Conv': // a filter is [out, in / groups, height, width]
      return 2 * sizeOf(made) * sizeOf(right.slice(1));
    case 'ConvTranspose': // and here [in, out / groups, height, width]
      return 2 * sizeOf(left) * sizeOf(right.slice(1));
    case 'Einsum':
      return 2 * sizeOf([...axesOf(String(attributes['equation']), [left, right]).values()]);
    default:
      return 0;
  }
}

/** The size of every letter of an equation such as `ij,jk->ik`. */
function axesOf(equation: string, shapes: readonly (readonly number[])[]): Map<string, number> {
  const terms = equation.replaceAll(' ', '').split('->')[0]?.split(',') ?? [];
  if (terms.length !== shapes.length) {
    throw new HarnessError('E_TRACE', `operations of "${equation}" are counted for two arrays, got ${terms.length}.`);
  }
  return new Map(
    terms.flatMap((term, i) => [...term].map((letter, axis) => [letter, shapes[i]?.[axis] ?? 1] as const)),
  );
}
