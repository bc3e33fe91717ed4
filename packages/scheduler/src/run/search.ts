import {countWeights, pathOf} from '@accrete/core';
import {type EventBody, HarnessError, sizeOf} from '@accrete/kit';
import type {Candidate, Choice, SearchContext, Trial} from '../strategies/strategy.ts';
import {type Task, targetOf} from '../streams/stream.ts';
import {evaluate} from '../training/evaluate.ts';
import {evaluationRequest} from './evaluate-all.ts';
import type {RunItem} from './run.ts';
import {runPhases} from './run-phases.ts';
import {growthEvents, type Session} from './session.ts';

/**
 * Settles the task's structure: trains what strategies propose, one candidate after another from the same start, and goes on
 * with what they choose. Every candidate draws its batches from the same seed streams.
 *
 * @returns why the run cannot go on, or null.
 * @throws HarnessError E_COMBINATION where the task has no validation examples; E_UNKNOWN where a strategy chooses what it did not
 *   propose.
 */
export async function* searchStructure(session: Session, task: Task): AsyncGenerator<RunItem, string | null, void> {
  for (const [i, strategy] of session.chain.entries()) {
    if (!strategy.search) continue;
    const problem = yield* searchWith(session, task, i);
    if (problem !== null) return problem;
  }
  return null;
}

async function* searchWith(session: Session, task: Task, i: number): AsyncGenerator<RunItem, string | null, void> {
  const origin = keep(session);
  const plan = session.plan!;
  const left = new Map<string, Attempt>();
  const search = session.chain[i]!.search!(contextOf(session, task, i));
  let step = await search.next(undefined as never); // What the first call hands over goes nowhere.
  while (!step.done) {
    const began = performance.now();
    const trial = yield* tried(session, task, step.value, origin);
    left.set(step.value.name, {trial, kept: keep(session), durationMs: performance.now() - began});
    step = await search.next(trial);
  }
  restore(session, origin);
  session.plan = plan;
  const choice = step.value;
  if (choice === null) return null;
  const chosen = left.get(choice.chosen);
  if (!chosen) {
    const message = `"${choice.chosen}" was chosen, but what was tried is ${[...left.keys()].join(', ')}.`;
    throw new HarnessError('E_UNKNOWN', message, {chosen: choice.chosen});
  }
  yield searched(task, choice, origin, left);
  if (chosen.trial.accuracy === null) return `no candidate for task ${task.index} had a finite loss and finite logits`;
  restore(session, chosen.kept);
  // The chosen candidate is trained: no phase is left to run.
  session.cursor = {...session.cursor, phase: plan.phases.length, epoch: 0, step: 0};
  yield* growthEvents(task, session.apply(choice, i));
  return null;
}

/** Trains a candidate from where the search began, and judges it. */
async function* tried(
  session: Session,
  task: Task,
  candidate: Candidate,
  origin: Kept,
): AsyncGenerator<RunItem, Trial, void> {
  restore(session, {...origin, network: candidate.network, optimizerState: {}});
  const planned = candidate.phases ?? session.plan!.phases;
  const phases = planned.map(({name, epochs}) => ({name: `${candidate.name}: ${name}`, epochs}));
  const whole = session.plan!;
  session.plan = {...whole, phases};
  const problem = yield* runPhases(session, task, {});
  session.plan = whole;
  session.sums = null;
  if (problem !== null) return {network: session.network, accuracy: null};
  const request = evaluationRequest(session, task.index);
  const {evaluations} = await evaluate({...request, part: 'validation', tasks: [task.index]});
  return {network: session.network, accuracy: evaluations[0]!.accuracy};
}

function contextOf(session: Session, task: Task, i: number): SearchContext {
  const {stream, network, features, compiled} = session;
  if (task.examples.validation.length === 0) {
    throw new HarnessError(
      'E_COMBINATION',
      `${session.config.strategy[i]!.kind} chooses by validation accuracy, but ${task.name} has no validation examples. Set stream.validationFraction above 0.`,
    );
  }
  return {
    ...session.context(task, i, 'search'),
    labelOf: (part, example) => targetOf(stream, part, {task: task.index, example}),
    featuresAlong: async (earlier, part, examples) => {
      const path = pathOf(network.topology, earlier, []);
      const found = await features.of({
        stream,
        network,
        path,
        settled: ({frozen}) => frozen,
        part,
        tasks: [task.index],
        compiled,
      });
      if (!found?.shapes['state']) {
        throw new HarnessError(
          'E_COMBINATION',
          `the network of task ${earlier} still moves: its features cannot be compared.`,
        );
      }
      const width = sizeOf(found.shapes['state']);
      const data = new Float32Array(examples.length * width);
      const kept = await found.keep(['state']);
      kept.fill(
        'state',
        examples.map((example) => ({task: task.index, example})),
        data,
      );
      return {width, data};
    },
  };
}

function searched(task: Task, {chosen, reason}: Choice, origin: Kept, left: ReadonlyMap<string, Attempt>): EventBody {
  const before = countWeights(origin.network.parameters);
  const candidates = [...left].map(([name, {trial, durationMs}]) => ({
    name,
    accuracy: trial.accuracy,
    parametersAdded: countWeights(trial.network.parameters) - before,
    durationMs,
  }));
  return {type: 'search', task: task.index, candidates, chosen, reason};
}

/** What training changes of a session. */
type Kept = Pick<Session, 'network' | 'optimizerState' | 'states'>;

interface Attempt {
  readonly trial: Trial;
  readonly kept: Kept;
  readonly durationMs: number;
}

function keep({network, optimizerState, states}: Session): Kept {
  return {network, optimizerState, states};
}

function restore(session: Session, {network, optimizerState, states}: Kept): void {
  Object.assign(session, {network, optimizerState, states});
  session.cursor = {...session.cursor, phase: 0, epoch: 0, step: 0};
}
