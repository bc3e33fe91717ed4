import type {computations} from '../../src/index.ts';
import type {places} from '../support/sites.ts';

/** A module at a place of the family-wide suite. */
export interface Case {
  readonly config: object;
  readonly at: keyof typeof places;
  /** Parameters whose gradient is an estimate on purpose, so that central differences say nothing of it. */
  readonly straightThrough?: readonly string[];
}

/** Configs of each kind, and the places where the family-wide suite runs them. A new kind cannot land without. */
export const cases = {
  conv2d: [
    {config: {kind: 'conv2d', size: 2, padding: 0}, at: 'maps'},
    {config: {kind: 'conv2d', size: 3, stride: 2, bias: false}, at: 'maps'},
    {config: {kind: 'conv2d', size: 1, stride: 2}, at: 'convolution'},
    {config: {kind: 'conv2d', stride: 2, initializer: {kind: 'zeros'}}, at: 'convolution'},
  ],
  'batch-norm': [
    {config: {kind: 'batch-norm'}, at: 'equal maps'},
    {config: {kind: 'batch-norm', epsilon: 0.1}, at: 'batch-norm'},
  ],
  'group-norm': [
    {config: {kind: 'group-norm', groups: 2}, at: 'equal maps'},
    {config: {kind: 'group-norm', groups: 1}, at: 'batch-norm'},
  ],
  'layer-norm': [{config: {kind: 'layer-norm'}, at: 'equal maps'}],
  identity: [
    {config: {kind: 'identity'}, at: 'equal maps'},
    {config: {kind: 'identity'}, at: 'end of a block'},
  ],
  embedding: [
    {config: {kind: 'embedding', vocabulary: 3}, at: 'tokens'},
    {config: {kind: 'embedding', vocabulary: 3, positions: 'sinusoidal', classToken: true}, at: 'tokens'},
  ],
  patches: [
    {config: {kind: 'patches', size: 2, tokens: 4, classToken: true}, at: 'maps'},
    {config: {kind: 'patches', size: 4, tokens: 1, positions: 'none'}, at: 'maps'},
  ],
  attention: [
    {config: {kind: 'attention', heads: 2}, at: 'packed'},
    {config: {kind: 'attention', heads: 1}, at: 'attention'},
  ],
  recurrent: [
    {config: {kind: 'recurrent'}, at: 'recurrence'},
    {config: {kind: 'recurrent'}, at: 'cell'},
  ],
  dense: [
    {config: {kind: 'dense'}, at: 'alone'},
    {config: {kind: 'dense'}, at: 'dense'},
    {config: {kind: 'dense', initializer: {kind: 'zeros'}}, at: 'dense'},
    {config: {kind: 'dense', initializer: {kind: 'he-normal'}, bias: false}, at: 'sequence'},
  ],
  'low-rank': [
    {config: {kind: 'low-rank', rank: 2}, at: 'dense'},
    {config: {kind: 'low-rank', rank: 4, scale: 2}, at: 'sequence'},
    {config: {kind: 'low-rank'}, at: 'dense'},
    {config: {kind: 'low-rank', rank: 2, scale: 3}, at: 'convolution'},
    {config: {kind: 'low-rank', rank: 3, down: 'fixed'}, at: 'dense'},
  ],
  adapter: [
    {config: {kind: 'adapter', bottleneck: 2}, at: 'dense'},
    {config: {kind: 'adapter', start: 'bert', reduction: 1}, at: 'convolution'},
    {config: {kind: 'adapter', start: 'houlsby', place: 'parallel', scale: 4, activation: 'gelu'}, at: 'sequence'},
  ],
  ia3: [
    {config: {kind: 'ia3'}, at: 'convolution'},
    {config: {kind: 'ia3', on: 'input'}, at: 'convolution'},
    {config: {kind: 'ia3', on: 'input'}, at: 'sequence'},
  ],
  film: [
    {config: {kind: 'film'}, at: 'dense'},
    {config: {kind: 'film'}, at: 'convolution'},
  ],
  'residual-adapter': [
    {config: {kind: 'residual-adapter'}, at: 'convolution'},
    {config: {kind: 'residual-adapter', place: 'series'}, at: 'convolution'},
    {config: {kind: 'residual-adapter', initializer: {kind: 'normal'}}, at: 'dense'},
  ],
  compacter: [
    {config: {kind: 'compacter', terms: 2, reduction: 2}, at: 'sequence'},
    {config: {kind: 'compacter', terms: 1, rank: 2, reduction: 1, activation: 'tanh'}, at: 'dense'},
  ],
  invertible: [
    {config: {kind: 'invertible', start: 'mam'}, at: 'dense'},
    {config: {kind: 'invertible', reduction: 1}, at: 'end of a block'},
  ],
  side: [
    {config: {kind: 'side'}, at: 'dense'},
    {config: {kind: 'side', hidden: 3, activation: 'tanh'}, at: 'sequence'},
  ],
  lateral: [
    {config: {kind: 'lateral', inner: 3}, at: 'dense'},
    {config: {kind: 'lateral', own: 3, activation: 'tanh'}, at: 'dense'},
    {config: {kind: 'lateral', own: 1}, at: 'sequence'},
  ],
  bitfit: [
    {config: {kind: 'bitfit'}, at: 'convolution'},
    {config: {kind: 'bitfit'}, at: 'cell'},
    {config: {kind: 'bitfit', of: 'norms'}, at: 'batch-norm'},
  ],
  'sparse-delta': [
    {config: {kind: 'sparse-delta', density: 0.5}, at: 'dense'},
    {config: {kind: 'sparse-delta'}, at: 'convolution'},
    {config: {kind: 'sparse-delta', density: 1}, at: 'batch-norm'},
  ],
  mask: [
    {config: {kind: 'mask'}, at: 'dense', straightThrough: ['scores']},
    {config: {kind: 'mask', select: 'top-k', share: 0.3}, at: 'convolution', straightThrough: ['scores']},
    {config: {kind: 'mask', threshold: 0, signed: true}, at: 'sequence', straightThrough: ['scores']},
  ],
  'diff-hard-concrete': [
    {config: {kind: 'diff-hard-concrete'}, at: 'dense'},
    {config: {kind: 'diff-hard-concrete', groups: false}, at: 'convolution'},
  ],
  'intrinsic-dimension': [
    {config: {kind: 'intrinsic-dimension', dimension: 3}, at: 'dense'},
    {config: {kind: 'intrinsic-dimension', dimension: 8}, at: 'convolution'},
  ],
  'batch-ensemble': [
    {config: {kind: 'batch-ensemble'}, at: 'dense'},
    {config: {kind: 'batch-ensemble', start: 'ones'}, at: 'convolution'},
  ],
  superposition: [
    {config: {kind: 'superposition'}, at: 'dense'},
    {config: {kind: 'superposition'}, at: 'convolution'},
  ],
  prompt: [
    {config: {kind: 'prompt', tokens: 2}, at: 'image patches'},
    {config: {kind: 'prompt', tokens: 1}, at: 'token table'},
  ],
  prefix: [
    {config: {kind: 'prefix', length: 2, inner: 3}, at: 'attention'},
    {config: {kind: 'prefix', length: 3, inner: null}, at: 'attention'},
  ],
  hypernetwork: [
    {config: {kind: 'hypernetwork', target: {kind: 'low-rank', rank: 2}, embedding: 3}, at: 'dense'},
    {config: {kind: 'hypernetwork', target: {kind: 'adapter', start: 'bert'}, embedding: 2, chunk: 3}, at: 'dense'},
    {config: {kind: 'hypernetwork', target: {kind: 'film'}}, at: 'convolution'},
    {
      config: {kind: 'hypernetwork', target: {kind: 'compacter', terms: 2, reduction: 2}, embedding: 2},
      at: 'sequence',
    },
    {config: {kind: 'hypernetwork', target: {kind: 'dense'}, embedding: 2}, at: 'dense'},
  ],
} as const satisfies Record<(typeof computations.kinds)[number], readonly Case[]>;
