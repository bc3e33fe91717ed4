import type {Network} from '@accrete/core';
import type {Noise} from '@accrete/engine';
import {type HostArray, hostArray, type ParsedConfig, type SeedStream} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import type * as z from 'zod';
import {countOf, type TaskData} from '../data/examples.ts';
import {maskable, type where} from '../network/maskable.ts';
import type {Plan} from '../plan/plan.ts';
import {type Budget, type FitRequest, fit} from '../training/fit.ts';
import {taskPath} from '../training/logits.ts';
import {type Analysis, type Extractor, planOf} from './extractor.ts';
import {keepBest} from './ranking.ts';
import {sweepable} from './sweepable.ts';

/** What was learned of every weight, by path. */
type Learned = Readonly<Record<string, HostArray<'float32'>>>;

/** What methods that learn masks are told alike. */
export interface MaskOptions extends Budget {
  /** Share of the weights that is kept; null keeps those whose mask is open. */
  readonly density: number | null;
  readonly where: z.output<typeof where>;
  /** Of the penalty [nats]. */
  readonly strength: number;
  readonly optimizer: ParsedConfig;
}

/** How one number per weight stands for a mask. */
export interface Masking extends Pick<FitRequest, 'parts' | 'clipNorm' | 'after' | 'key'> {
  readonly kind: string;
  /** The numbers of a kernel of `size` weights before training. */
  start(size: number, seeds: SeedStream): Float32Array<ArrayBuffer>;
  /** A mask drawn for a part of the batch, in the shape of the kernel. */
  drawn(numbers: tf.Tensor, noise: Noise, path: string, part: number): tf.Tensor;
  /** The chance that a weight takes part. */
  chance(numbers: tf.Tensor): tf.Tensor;
  /** Whether a weight is kept without noise. */
  open(number: number): boolean;
}

/**
 * Masks learned on frozen weights, one number per weight:
 *
 *   loss = task loss of theta * mask + strength * mean_w chance(w takes part)
 *
 * The module is the weights whose mask is open without noise, or those with the largest numbers where a density is asked for.
 */
export function learnedMask(options: MaskOptions, masking: Masking): Extractor {
  const {kind, start, drawn, chance, open, ...training} = masking;
  const learn = async (network: Network, data: TaskData, analysis: Analysis): Promise<Learned> => {
    const paths = maskable(network, taskPath(network, data.task), options.where);
    const total = paths.reduce((sum, path) => sum + network.parameters[path]!.data.length, 0);
    const numbers = paths.map((path) => {
      const {shape, data: weights} = network.parameters[path]!;
      return [path, hostArray(start(weights.length, analysis.seeds.fork('gates', path)), shape, 'float32')] as const;
    });
    const {variables} = await fit({
      ...analysis,
      ...training,
      network,
      data,
      budget: options,
      variables: Object.fromEntries(numbers),
      weights: ({variables: own, fixed, noise, part}) =>
        Object.fromEntries(paths.map((path) => [path, tf.mul(fixed[path]!, drawn(own[path]!, noise, path, part))])),
      penalty: ({variables: own}) => {
        const taking = paths.map((path) => tf.sum(chance(own[path]!)));
        return tf.mul<tf.Scalar>(
          taking.reduce((sum, value) => tf.add(sum, value)),
          options.strength / total,
        );
      },
      optimizer: () => options.optimizer,
      key: {[kind]: training.key, paths: [...paths]},
    });
    return variables;
  };
  const keep = (learned: Learned, share: number | null, network: Network, data: TaskData, analysis: Analysis): Plan => {
    const numbers = Object.entries(learned);
    const opened = ({shape, data: own}: HostArray<'float32'>) => {
      const bits = Uint8Array.from(own, (number) => (open(number) ? 1 : 0));
      return {mask: hostArray(bits, shape, 'bool')};
    };
    const parts =
      share === null
        ? Object.fromEntries(numbers.map(([path, own]) => [path, opened(own)]))
        : keepBest(network, Object.fromEntries(numbers.map(([path, own]) => [path, own.data])), share, 'global');
    const method = {kind, ...options, density: share};
    return planOf(method, network, data, analysis, {parts, examples: countOf(data.examples), steps: options.steps});
  };
  return sweepable<Learned, number | null>(options.density, learn, keep);
}
