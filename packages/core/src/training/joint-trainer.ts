import {type Buffers, type Engine, type Program, type PureFunction, valueAndGradients} from '@accrete/engine';
import {
  canonicalJson,
  HarnessError,
  type HostArray,
  type ParsedConfig,
  type SeedStream,
  scalar,
  zeros,
} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import type {Network} from '../network/network.ts';
import type {Path} from '../network/path.ts';
import {withParameters} from '../network/surgery.ts';
import type {Owner} from '../network/topology.ts';
import {type OptimizerState, slotKey, withSlots} from '../optimizers/optimizer.ts';
import {optimizers} from '../optimizers/registry.ts';
import {allowedLogits, batchNames, batchSpecs, disposeAll, type JointBatch, uploadBatch} from './joint-batch.ts';
import {type JointSpec, jointPass, parameterName, parametersAmong} from './joint-loss.ts';
import {auxiliaryLoss} from './losses.ts';
import {oneHot} from './one-hot.ts';

/** What joint training is made for. */
export interface JointRequest {
  readonly engine: Engine;
  readonly network: Network;
  /** The path of all tasks together: `pathOf(topology, [0, 1, ...], segments)`. */
  readonly path: Path;
  /** Rows of a batch. */
  readonly rows: number;
  readonly optimizer: ParsedConfig;
  readonly optimizerState?: OptimizerState;
  /** What moves; everything that is not frozen where absent. */
  readonly trainable?: (owner: Owner) => boolean;
  /** c_t: what a row's loss is multiplied by, for each of the path's tasks; 1 where absent. */
  readonly taskWeights?: readonly number[];
}

/** Losses since they were last taken, means over rows [nats]. */
export interface JointLosses {
  /** Of each of the path's tasks, before c_t; null where no row was of that task. */
  readonly tasks: readonly (number | null)[];
  /** Mean over steps of the losses of routers and aggregators. */
  readonly auxiliary: number;
}

/** Joint training under way. Owns buffers: dispose it. */
export interface JointTrainer {
  readonly program: Program;
  /** One step. @param seeds the stream that noise inside the step draws from: fork one per step. */
  step(batch: JointBatch, seeds: SeedStream): Promise<void>;
  /** Reads the losses and starts them anew. */
  losses(): Promise<JointLosses>;
  /** The network and optimiser as they stand. */
  snapshot(): Promise<{readonly network: Network; readonly optimizerState: OptimizerState}>;
  dispose(): void;
}

const sums = {losses: 'sum/losses', rows: 'sum/rows', auxiliary: 'sum/auxiliary', steps: 'sum/steps'} as const;
const slotName = (local: string, slot: string): string => `slot/${local}#${slot}`;

/**
 * Joint multi-task training: one compiled step for batches that mix the tasks of a path.
 *
 *   loss = sum_r w_r c_t(r) l_r / sum_r w_r + losses of routers and aggregators + score-function term   [nats]
 *
 * with l_r the cross-entropy of row r under the logits that its task may use and w_r 1 for rows that are there. Buffers such as
 * running statistics are renewed by the forward pass.
 *
 * @throws HarnessError E_SHAPE where there is not one finite weight >= 0 per task; E_COMBINATION where nothing moves.
 *
 * Source: Caruana 1997, https://doi.org/10.1023/A:1007379606734. Deviations: none.
 */
export async function jointTrainer(request: JointRequest): Promise<JointTrainer> {
  const {engine, network, path, rows} = request;
  const spec = jointSpec(request);
  if (spec.trainable.length === 0) {
    throw new HarnessError('E_COMBINATION', 'nothing moves: everything on the path is frozen, or left out.');
  }
  const taskWeights = request.taskWeights ?? path.tasks.map(() => 1);
  if (taskWeights.length !== path.tasks.length || !taskWeights.every((w) => Number.isFinite(w) && w >= 0)) {
    const came = `[${taskWeights.join(', ')}]`;
    throw new HarnessError(
      'E_SHAPE',
      `expected a finite weight >= 0 for each of ${path.tasks.length} tasks, got ${came}.`,
    );
  }
  const optimizer = optimizers.parse(request.optimizer);
  const at = (local: string): string => path.bind[local]!;
  const state = withSlots(optimizer, request.optimizerState ?? {}, network.parameters, spec.trainable.map(at));
  const fresh: Record<string, HostArray> = {
    [sums.losses]: zeros([path.tasks.length]),
    [sums.rows]: zeros([path.tasks.length]),
    [sums.auxiliary]: scalar(0),
    [sums.steps]: scalar(0),
  };
  const carried: Record<string, HostArray> = {...fresh};
  for (const local of [...spec.trainable, ...spec.renewed])
    carried[parameterName(local)] = network.parameters[at(local)]!;
  for (const local of spec.trainable) {
    for (const {name} of optimizer.slots) carried[slotName(local, name)] = state[slotKey(at(local), name)]!;
  }
  const moving = new Set([...spec.trainable, ...spec.renewed]);
  const fixed = Object.keys(path.bind).filter((local) => !moving.has(local));
  const program = await engine.compile(
    jointStep(spec, {optimizer: request.optimizer, taskWeights}),
    {...specsOf(carried), ...batchSpecs(path, rows)},
    {
      name: 'train jointly',
      key: canonicalJson({jointly: spec, optimizer: request.optimizer, taskWeights}),
      constants: Object.fromEntries(fixed.map((local) => [parameterName(local), network.parameters[at(local)]!])),
      donate: Object.fromEntries(Object.keys(carried).map((name) => [name, name])),
    },
  );
  // Carried buffers are written to by later steps, so they start as copies.
  const upload = (arrays: Readonly<Record<string, HostArray>>): Buffers =>
    Object.fromEntries(
      Object.entries(arrays).map(([name, array]) => [name, engine.upload({...array, data: array.data.slice()})]),
    );
  let live = upload(carried);
  const read = async (name: string): Promise<HostArray<'float32'>> =>
    (await live[name]!.read()) as HostArray<'float32'>;
  return {
    program,
    step: async (batch, seeds) => {
      const given = uploadBatch(engine, path, batch, spec.allowed);
      try {
        live = await program.run({...live, ...given}, seeds);
      } finally {
        disposeAll(given);
      }
    },
    losses: async () => {
      const [losses, counts, auxiliary, steps] = await Promise.all(Object.values(sums).map(read));
      disposeAll(Object.fromEntries(Object.values(sums).map((name) => [name, live[name]!])));
      live = {...live, ...upload(fresh)};
      return {
        tasks: [...losses!.data].map((sum, t) => (counts!.data[t] === 0 ? null : sum / counts!.data[t]!)),
        auxiliary: auxiliary!.data[0]! / Math.max(1, steps!.data[0]!),
      };
    },
    snapshot: async () => {
      const parameters: Record<string, HostArray<'float32'>> = {};
      for (const local of moving) parameters[at(local)] = await read(parameterName(local));
      const slots: Record<string, HostArray<'float32'>> = {};
      for (const local of spec.trainable) {
        for (const {name} of optimizer.slots) slots[slotKey(at(local), name)] = await read(slotName(local, name));
      }
      return {network: withParameters(network, parameters), optimizerState: {...state, ...slots}};
    },
    dispose: () => {
      disposeAll(live);
      program.dispose();
    },
  };
}

/** What of a request decides its programs. */
export function jointSpec({network, path, rows, trainable}: Omit<JointRequest, 'optimizer'>): JointSpec {
  const moves = (owner: Owner): boolean => !owner.frozen && (trainable?.(owner) ?? true);
  const buffers = new Set(path.buffers);
  return {
    path: path.spec,
    rows,
    trainable: Object.keys(path.bind).filter((local) => !buffers.has(local) && moves(path.owner[local]!)),
    renewed: path.buffers.filter((local) => moves(path.owner[local]!)),
    allowed: allowedLogits(path, network.topology.head.kind === 'per-task'),
  };
}

function jointStep(
  spec: JointSpec,
  how: {
    readonly optimizer: ParsedConfig;
    readonly taskWeights: readonly number[];
  },
): PureFunction {
  const optimizer = optimizers.parse(how.optimizer);
  return (inputs, noise) => {
    const given = parametersAmong(inputs);
    const weights = inputs[batchNames.weights]!;
    const own = oneHot(inputs[batchNames.tasks]!, spec.allowed.length); // [rows, tasks]
    const belongs = tf.mul(own, tf.expandDims(weights, 1));
    // Kept by hand: valueAndGradients frees all that its function makes, and these are wanted beside the gradients.
    const kept: Record<string, tf.Tensor> = {};
    const keep = (name: string, tensor: tf.Tensor): void => {
      kept[name] = tf.keep(tf.clone(tensor));
    };
    const total = (...moving: tf.Tensor[]): tf.Scalar => {
      const trained = Object.fromEntries(spec.trainable.map((local, k) => [local, moving[k]!]));
      const pass = jointPass(spec, {...given, ...trained}, inputs, noise);
      const auxiliary = auxiliaryLoss(pass, pass.losses, weights) ?? tf.scalar(0);
      keep(sums.losses, tf.sum(tf.mul(belongs, tf.expandDims(pass.losses, 1)), 0));
      keep(sums.auxiliary, auxiliary);
      for (const local of spec.renewed) keep(parameterName(local), pass.next[local]!);
      const own = tf.squeeze(tf.matMul(belongs, tf.tensor2d(how.taskWeights.map((w) => [w]))), [1]); // w_r c_t(r)
      const weighed = tf.div(tf.sum(tf.mul(pass.losses, own)), tf.maximum(tf.sum(weights), 1e-20));
      return tf.add(weighed, auxiliary);
    };
    const {grads} = valueAndGradients(
      total,
      spec.trainable.map((local) => given[local]!),
    );
    const outputs: Record<string, tf.Tensor> = {
      [sums.losses]: tf.add(inputs[sums.losses]!, kept[sums.losses]!),
      [sums.rows]: tf.add(inputs[sums.rows]!, tf.sum(belongs, 0)),
      [sums.auxiliary]: tf.add(inputs[sums.auxiliary]!, kept[sums.auxiliary]!),
      [sums.steps]: tf.add(inputs[sums.steps]!, 1),
    };
    for (const local of spec.renewed) outputs[parameterName(local)] = tf.clone(kept[parameterName(local)]!);
    for (const tensor of Object.values(kept)) tensor.dispose();
    spec.trainable.forEach((local, k) => {
      const slots = Object.fromEntries(optimizer.slots.map(({name}) => [name, inputs[slotName(local, name)]!]));
      const stepped = optimizer.update(given[local]!, grads[k]!, slots);
      outputs[parameterName(local)] = stepped.parameter;
      for (const [slot, tensor] of Object.entries(stepped.slots)) outputs[slotName(local, slot)] = tensor;
    });
    return outputs;
  };
}

function specsOf(arrays: Readonly<Record<string, HostArray>>): Record<string, Pick<HostArray, 'shape' | 'dtype'>> {
  return Object.fromEntries(Object.entries(arrays).map(([name, {shape, dtype}]) => [name, {shape, dtype}]));
}
