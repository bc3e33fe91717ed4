import type {aggregators} from '../../src/index.ts';
import type {places} from '../support/sites.ts';

/** An aggregator with modules that can stand under it. */
export interface Case {
  readonly config: object;
  readonly modules: readonly object[];
  /** Where they stand; beside a dense base from 3 features to 2 units where not said. */
  readonly at?: keyof typeof places;
  /** What is left where every score is 0: what the base puts out, in its place; nothing; or something else. */
  readonly silent: 'base' | 'zero' | 'other';
}

const experts = [{kind: 'dense'}, {kind: 'dense', bias: false}];
const expert = [{kind: 'dense'}];
const lora = [{kind: 'low-rank', rank: 2}];

/** What the family-wide suite goes through. A new kind cannot land without. */
export const cases = {
  sum: [
    {config: {kind: 'sum'}, modules: experts, silent: 'base'},
    {config: {kind: 'sum'}, modules: lora, silent: 'base'},
  ],
  concatenation: [{config: {kind: 'concatenation'}, modules: experts, silent: 'other'}],
  mixture: [
    {config: {kind: 'mixture'}, modules: experts, silent: 'zero'},
    {config: {kind: 'mixture'}, modules: lora, silent: 'zero'},
  ],
  'attention-fusion': [
    {config: {kind: 'attention-fusion'}, modules: lora, silent: 'base'},
    {
      config: {kind: 'attention-fusion', valuePenalty: 1, temperature: 2},
      modules: [{kind: 'adapter', bottleneck: 2, activation: 'tanh'}, {kind: 'dense'}],
      silent: 'base',
    },
  ],
  'parameter-average': [
    {config: {kind: 'parameter-average'}, modules: expert, silent: 'zero'},
    {config: {kind: 'parameter-average'}, modules: lora, silent: 'base'},
    {
      config: {kind: 'parameter-average'},
      modules: [{kind: 'prompt', tokens: 2}],
      at: 'end of a block',
      silent: 'other',
    },
    {config: {kind: 'parameter-average', average: 'weights'}, modules: lora, silent: 'base'},
  ],
  'input-concatenation': [
    {
      config: {kind: 'input-concatenation'},
      modules: [{kind: 'prompt', tokens: 2}],
      at: 'end of a block',
      silent: 'other',
    },
    {
      config: {kind: 'input-concatenation'},
      modules: [
        {kind: 'prefix', length: 1, inner: null},
        {kind: 'prefix', length: 2, inner: 2},
      ],
      at: 'attention',
      silent: 'other',
    },
  ],
  stack: [
    {config: {kind: 'stack'}, modules: [{kind: 'adapter', bottleneck: 2, activation: 'tanh'}], silent: 'base'},
    {
      config: {kind: 'stack'},
      modules: [{kind: 'ia3'}, {kind: 'adapter', bottleneck: 3, activation: 'tanh', start: 'bert'}],
      silent: 'base',
    },
  ],
  sequence: [
    {config: {kind: 'sequence', activation: 'tanh'}, modules: experts, at: 'square', silent: 'base'},
    {config: {kind: 'sequence', activation: 'linear'}, modules: expert, at: 'square', silent: 'base'},
  ],
  program: [
    {
      config: {
        kind: 'program',
        activation: 'tanh',
        steps: [{module: 0}, {module: 1}, {reads: [0, 1], join: 'mean'}, {module: 2, reads: [2]}],
      },
      modules: experts,
      at: 'square',
      silent: 'base',
    },
    {
      config: {kind: 'program', steps: [{module: 0}, {module: 1, reads: [0]}, {reads: [1, 0], join: 'product'}]},
      modules: [{kind: 'adapter', bottleneck: 2, activation: 'tanh'}],
      silent: 'other',
    },
  ],
} as const satisfies Record<(typeof aggregators.kinds)[number], readonly Case[]>;
