import {
  evaluation,
  forward,
  type HeadKind,
  type InputSpec,
  negativeLogLikelihood,
  optimizers,
  type Path,
  weightedMean,
} from '@accrete/core';
import {stopGradient} from '@accrete/engine';
import {
  canonicalJson,
  define,
  HarnessError,
  type HostArray,
  hostArray,
  type ParsedConfig,
  type SeedStream,
} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import {decoded, evidenceLosses, freshAutoencoder} from './autoencoder.ts';
import {learnable, learning} from './learned.ts';
import {movable} from './movable.ts';
import {nothing} from './quadratic-pull.ts';
import type {Span, StepContext, StepPart, Strategy, StrategyState} from './strategy.ts';

/**
 * Deep generative replay: a variational autoencoder learns what images look like, and images of its own stand for those of earlier
 * tasks, labelled by the network as it was when the task began.
 *
 *   loss  = a L(own rows) + (1 - a) mean over x' of -ln p(label(x') | x'),   label(x') = argmax of the teacher's logits
 *   x'    = decoder of the autoencoder as it was when the task began, of codes N(0, 1)
 *   autoencoder: a E(own rows) + (1 - a) E(x'),   E: `evidenceLosses`
 *
 * with a = 1 / tasks so far, or the share of own rows in all rows of a batch; 1 in the first task. Where heads are per task, every
 * earlier head labels and learns each image. The autoencoder goes on from task to task; it has an optimiser of its own.
 *
 * @param options.rows images that are made for every batch; 0 equals fine-tuning (tested).
 * @param options.weighting what own rows count for: as one task among those so far, or every row as much as every other.
 * @param options.hidden width of the autoencoder's layers. @param options.latent length of its codes.
 * @throws HarnessError E_COMBINATION where what goes in is not an image.
 *
 * Memory: the autoencoder; within a task also the teacher and the autoencoder before it.
 */
export const generativeReplay = define({
  kind: 'generative-replay',
  summary:
    'Deep generative replay: an autoencoder makes images of earlier tasks, the network before the task labels them.',
  source: {
    cite: 'Shin et al. 2017, section 3; a variational autoencoder: van de Ven and Tolias 2018',
    url: 'https://arxiv.org/abs/1705.08690',
    deviations: ['a variational autoencoder in place of a GAN', 'generator and network are trained in the same steps'],
  },
  options: {
    rows: z.int().min(0).default(64).describe('images made for every batch'),
    weighting: z
      .enum(['by-tasks', 'by-rows'])
      .default('by-tasks')
      .describe('what own rows count for: 1 / tasks so far, or their share in all rows'),
    hidden: z.int().min(1).default(400).describe("width of the autoencoder's hidden layers"),
    latent: z.int().min(1).default(100).describe('length of its codes'),
    optimizer: optimizers.schema.prefault({kind: 'adam', learningRate: 0.001}).describe('moves the autoencoder'),
  },
  create: ({rows, weighting, hidden, latent, optimizer}): Strategy => ({
    taskSpecific: false,
    mixesTasks: rows > 0,
    rehearsalRows: 0,
    plan: ({task, network, state, seeds}) => {
      if (rows === 0) return {};
      const pixels = imagesOf(network.topology.input).features;
      const own = autoencoderIn(state, 'autoencoder');
      const fresh = task.index === 0 ? freshAutoencoder({pixels, hidden, latent}, seeds.fork('autoencoder')) : own;
      const learned = learnable(optimizers.parse(optimizer), named('autoencoder', fresh));
      const before = task.index === 0 ? {} : {...named('before', own), ...named('teacher', movable(network))};
      return {state: {values: state.values, arrays: {...state.arrays, ...before, ...learned}}};
    },
    rehearse: ({seeds}) => ({
      rows: [],
      feeds:
        rows === 0
          ? {}
          : {
              codes: normal([rows, latent], seeds.fork('codes')),
              noise: normal([rows, latent], seeds.fork('noise')),
              replayNoise: normal([rows, latent], seeds.fork('replay noise')),
            },
    }),
    step: (context) => {
      const {task, own} = context;
      const share = weighting === 'by-rows' ? own.rows / (own.rows + rows) : 1 / (task.index + 1);
      return rows === 0 ? nothing : replayedStep(context, rows, task.index === 0 ? 1 : share, latent, optimizer);
    },
    consolidate: async ({state}) => {
      const kept = Object.entries(state.arrays).filter(
        ([name]) => name.startsWith('autoencoder/') && !name.includes('#'),
      );
      return {state: {values: state.values, arrays: Object.fromEntries(kept)}};
    },
  }),
});

function replayedStep(
  {task, network, state, path, own}: StepContext,
  rows: number,
  share: number,
  latent: number,
  optimizer: ParsedConfig,
): StepPart {
  const input = imagesOf(network.topology.input);
  const first = path.spec.sites[0]!.id;
  const learned = Object.keys(autoencoderIn(state, 'autoencoder'));
  const teacher = Object.entries(path.bind).flatMap(([local, at]) => {
    const array = state.arrays[`teacher/${at}`];
    return array ? [[`teacher/${local}`, array] as const] : [];
  });
  const replays = task.index > 0;
  const groups = labellings(path, task.index, network.topology.head.kind);
  const codes = {shape: [rows, latent], dtype: 'float32'} as const;
  return {
    key: {
      'generative-replay': groups.map(({teacher: from, student}) => [from, student]),
      share,
      optimizer: canonicalJson(optimizer),
    },
    inputs: replays ? {...named('before', autoencoderIn(state, 'before')), ...Object.fromEntries(teacher)} : {},
    feeds: {codes, noise: codes, replayNoise: codes},
    ...(replays && {losses: ({losses}) => tf.mul(losses, share)}),
    term: ({hidden, weights, parameters, carried, inputs, feeds}) => {
      const within = (tensor: tf.Tensor) => tf.slice(tensor, [own.from], [own.rows]);
      const images = imagesAt(hidden[first], input, own);
      // A line of noise may serve several rows of a batch: each by itself is as random.
      const lines = Array.from({length: own.rows}, (_, row) => row % rows);
      const noise = tf.gather(feeds['noise']!, tf.tensor1d(lines, 'int32'));
      const now = weightedMean(evidenceLosses(carried, images, noise), within(weights));
      if (!replays) return now;
      const made = stopGradient(decoded(under('before', inputs), feeds['codes']!));
      const again = tf.mean(evidenceLosses(carried, made, feeds['replayNoise']!));
      const bytes = tf.mul(made, 255);
      const logitsOf = (given: Readonly<Record<string, tf.Tensor>>) =>
        forward(path.spec, given, bytes, evaluation).logits;
      const wanted = stopGradient(logitsOf({...parameters, ...under('teacher', inputs)}));
      const replayed = labelledLosses(logitsOf(parameters), wanted, groups);
      return tf.addN([tf.mul(now, share), tf.mul(again, 1 - share), tf.mul(tf.mean(replayed), 1 - share)]);
    },
    carry: learning(
      optimizers.parse(optimizer),
      Object.fromEntries(learned.map((name) => [name, `autoencoder/${name}`])),
    ),
  };
}

/** Columns whose largest teacher's logit is the label, and those among which the network is to find it: 1 or 0. */
export interface Labelling {
  readonly teacher: readonly number[];
  readonly student: readonly number[];
}

/** Each earlier head by itself where heads are per task; else one label among earlier columns, all of them the network's choice. */
function labellings(path: Path, task: number, kind: HeadKind): readonly Labelling[] {
  const columns = path.segments.flatMap((segment, k) => segment.classes.map(() => ({k, task: segment.task})));
  if (kind === 'per-task') {
    const old = [...path.segments.keys()].filter((k) => path.segments[k]!.task !== task);
    return old.map((k) => {
      const own = columns.map((column) => (column.k === k ? 1 : 0));
      return {teacher: own, student: own};
    });
  }
  const teacher = columns.map((column) => (column.task === null || column.task !== task ? 1 : 0));
  return [{teacher, student: columns.map(() => 1)}];
}

/** -ln p of the label of each row, [rows] [nats], averaged over labellings. */
export function labelledLosses(
  logits: tf.Tensor2D,
  wanted: tf.Tensor2D,
  labellings: readonly Labelling[],
): tf.Tensor1D {
  const columns = logits.shape[1];
  const among = (of: tf.Tensor2D, allowed: readonly number[]) =>
    tf.add(of, tf.tensor2d([allowed.map((column) => (column === 1 ? 0 : -1e9))], [1, columns]));
  const losses = labellings.map(({teacher, student}) => {
    const label = tf.argMax(among(wanted, teacher), 1);
    return negativeLogLikelihood(among(logits, student) as tf.Tensor2D, label);
  });
  return tf.div(tf.addN(losses), labellings.length);
}

/** Own rows' images in [0, 1], [rows, pixels]: what reaches the first site, without its normalisation. */
function imagesAt(entering: tf.Tensor | undefined, {features, scale, shift}: ImageSpec, {from, rows}: Span): tf.Tensor {
  if (entering === undefined) {
    const message =
      'generative-replay learns from images, but the first layers are frozen and computed beforehand. Leave out what freezes them.';
    throw new HarnessError('E_COMBINATION', message);
  }
  const channels = scale.length;
  const values = tf.reshape(entering, [entering.shape[0]!, features / channels, channels]);
  const bytes = tf.div(tf.sub(values, [...shift]), [...scale]);
  return tf.slice(tf.reshape(tf.div(bytes, 255), [-1, features]), [from, 0], [rows, features]);
}

type ImageSpec = Extract<InputSpec, {readonly kind: 'image'}>;

function imagesOf(input: InputSpec): ImageSpec {
  if (input.kind === 'image') return input;
  const message = `generative-replay makes images, but what goes in is of kind ${input.kind}. Use another strategy.`;
  throw new HarnessError('E_COMBINATION', message);
}

function named<T>(prefix: string, arrays: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [`${prefix}/${name}`, array]));
}

/** What stands below a prefix, by the rest of its names. */
function under<T>(prefix: string, arrays: Readonly<Record<string, T>>): Record<string, T> {
  const own = Object.entries(arrays).filter(([name]) => name.startsWith(`${prefix}/`) && !name.includes('#'));
  return Object.fromEntries(own.map(([name, array]) => [name.slice(prefix.length + 1), array]));
}

function autoencoderIn(
  {arrays}: StrategyState,
  prefix: 'autoencoder' | 'before',
): Record<string, HostArray<'float32'>> {
  return under(prefix, arrays) as Record<string, HostArray<'float32'>>;
}

function normal(shape: readonly [number, number], seeds: SeedStream): HostArray<'float32'> {
  const values = Float32Array.from({length: shape[0] * shape[1]}, () => seeds.normal());
  return hostArray(values, shape, 'float32');
}
