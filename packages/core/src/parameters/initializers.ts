import {type AnyDefinition, define, family, type HostArray, hostArray, type SeedStream, sizeOf} from '@accrete/kit';
import * as z from 'zod';

/** Fills a new parameter from a seed stream of its own. */
export interface Initializer {
  fill(
    shape: readonly number[],
    fans: {readonly fanIn: number; readonly fanOut: number},
    seeds: SeedStream,
  ): HostArray<'float32'>;
}

/** An initialiser that draws each weight independently. */
function drawing(draw: (fans: {fanIn: number; fanOut: number}, seeds: SeedStream) => () => number): Initializer {
  return {
    fill: (shape, fans, seeds) => {
      const next = draw(fans, seeds);
      return hostArray(
        Float32Array.from({length: sizeOf(shape)}, () => next()),
        shape,
        'float32',
      );
    },
  };
}

const uniformWithin = (bound: number, seeds: SeedStream) => () => (2 * seeds.uniform() - 1) * bound;

/** Every weight 0. */
export const zerosInitializer = define({
  kind: 'zeros',
  summary: 'Every weight 0.',
  source: {cite: 'standard'},
  options: {},
  create: () => drawing(() => () => 0),
});

/** Every weight one constant. */
export const constantInitializer = define({
  kind: 'constant',
  summary: 'Every weight the same value.',
  source: {cite: 'standard'},
  options: {value: z.number().describe('the value')},
  create: ({value}) => drawing(() => () => value),
});

/** U(-1/sqrt(fanIn), 1/sqrt(fanIn)): what PyTorch's `nn.Linear` does for weights and biases. */
export const torchLinear = define({
  kind: 'torch-linear',
  summary: "PyTorch's nn.Linear default: uniform within 1/sqrt(fan-in), biases too.",
  source: {
    cite: 'PyTorch nn.Linear.reset_parameters: kaiming_uniform with a = sqrt(5)',
    url: 'https://pytorch.org/docs/stable/generated/torch.nn.Linear.html',
  },
  options: {},
  create: () => drawing(({fanIn}, seeds) => uniformWithin(1 / Math.sqrt(fanIn), seeds)),
});

/** U(-b, b) with b = sqrt(6 / (fanIn + fanOut)). */
export const glorotUniform = define({
  kind: 'glorot-uniform',
  summary: 'Uniform within sqrt(6 / (fan-in + fan-out)).',
  source: {cite: 'Glorot and Bengio 2010', url: 'https://proceedings.mlr.press/v9/glorot10a.html'},
  options: {},
  create: () => drawing(({fanIn, fanOut}, seeds) => uniformWithin(Math.sqrt(6 / (fanIn + fanOut)), seeds)),
});

/** N(0, 2 / fanIn). */
export const heNormal = define({
  kind: 'he-normal',
  summary: 'Normal with variance 2 / fan-in.',
  source: {cite: 'He et al. 2015', url: 'https://arxiv.org/abs/1502.01852', deviations: ['not truncated']},
  options: {},
  create: () =>
    drawing(
      ({fanIn}, seeds) =>
        () =>
          seeds.normal() * Math.sqrt(2 / fanIn),
    ),
});

/** N(0, deviation^2). */
export const normalInitializer = define({
  kind: 'normal',
  summary: 'Normal around 0.',
  source: {cite: 'standard'},
  options: {deviation: z.number().positive().default(0.02).describe('standard deviation')},
  create: ({deviation}) => drawing((_, seeds) => () => seeds.normal() * deviation),
});

/** How parameters start. */
export const initializers = family<Initializer>()('initializer', [
  torchLinear,
  glorotUniform,
  heNormal,
  normalInitializer,
  zerosInitializer,
  constantInitializer,
] as const satisfies readonly AnyDefinition<Initializer>[]);
