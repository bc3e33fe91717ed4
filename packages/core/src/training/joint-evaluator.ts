import type {Engine} from '@accrete/engine';
import {canonicalJson, type HostArray} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import type {Network} from '../network/network.ts';
import type {Path} from '../network/path.ts';
import {allowedLogits, batchSpecs, disposeAll, type JointBatch, uploadBatch} from './joint-batch.ts';
import {type JointSpec, jointPass, parameterName, parametersAmong} from './joint-loss.ts';

/** What a network makes of a batch. */
export interface JointOutcome {
  /** The predicted class label of each row, among those that its task may use. */
  readonly predictions: readonly number[];
  /** Cross-entropy of each row [nats]. */
  readonly losses: Float32Array;
  /** alpha by site, where a router weighed modules: [modules], [rows, modules] or [rows, length, modules]. */
  readonly routes: Readonly<Record<string, HostArray<'float32'>>>;
}

/** Evaluation of batches of several tasks. Owns a program: dispose it. */
export interface JointEvaluator {
  evaluate(batch: JointBatch): Promise<JointOutcome>;
  dispose(): void;
}

/**
 * Compiles the evaluation of a path: deterministic, without noise. Rows that are not there are predicted all the same.
 *
 * @param rows of a batch.
 * @returns an evaluator whose `evaluate` throws as batches do: E_SHAPE where lengths differ, E_DATA for a task or label without a
 *   logit.
 * @param options.hardened true to let each token take the module of its largest score alone where routers are soft.
 */
export async function jointEvaluator(
  engine: Engine,
  network: Network,
  path: Path,
  rows: number,
  {hardened = false}: {readonly hardened?: boolean} = {},
): Promise<JointEvaluator> {
  const allowed = allowedLogits(path, network.topology.head.kind === 'per-task');
  const spec: JointSpec = {path: path.spec, rows, trainable: [], renewed: [], allowed};
  const parameters = Object.fromEntries(
    Object.entries(path.bind).map(([local, at]) => [parameterName(local), network.parameters[at]!]),
  );
  const program = await engine.compile(
    (inputs) => {
      const {logits, losses, routes} = jointPass(spec, parametersAmong(inputs), inputs, null, hardened);
      const weighed = Object.entries(routes).map(([site, alpha]) => [`route/${site}`, alpha] as const);
      return {columns: tf.argMax(logits, 1), losses, ...Object.fromEntries(weighed)};
    },
    {...batchSpecs(path, rows), ...parameters},
    {name: 'evaluate jointly', key: canonicalJson({evaluated: spec, hardened})},
  );
  const uploaded = Object.fromEntries(
    Object.keys(parameters).map((name) => [name, engine.upload(parameters[name]!)] as const),
  );
  return {
    evaluate: async (batch) => {
      const given = uploadBatch(engine, path, batch, allowed);
      try {
        const {columns, losses, ...routes} = await program.run({...uploaded, ...given});
        const named = Object.entries(routes).map(
          async ([name, buffer]) => [name.slice('route/'.length), await buffer.read()] as const,
        );
        const outcome = {
          predictions: Array.from((await columns!.read()).data, (column) => path.classes[column]!),
          losses: (await losses!.read()).data as Float32Array,
          routes: Object.fromEntries(await Promise.all(named)) as JointOutcome['routes'],
        };
        disposeAll({columns: columns!, losses: losses!, ...routes});
        return outcome;
      } finally {
        disposeAll(given);
      }
    },
    dispose: () => {
      disposeAll(uploaded);
      program.dispose();
    },
  };
}
