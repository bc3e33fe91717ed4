import type {Network} from '@accrete/core';
import type {Engine} from '@accrete/engine';
import {type EventOf, type Outcomes, type SeedStream, sha256} from '@accrete/kit';
import {softmax, type TaskInference} from '../inference/task-inference.ts';
import {fillImages, type Part, type Row, type Stream, targetOf, withholdsTask} from '../streams/stream.ts';
import {answering, type Compiled, createPredictor, type PathPredictor} from './predictor.ts';

/** An evaluation event without what the runner adds. */
export type Evaluation = Omit<EventOf<'evaluation'>, 'type' | 'seq' | 'time' | 'afterTask'>;

/** What is evaluated, and how. */
export interface EvaluationRequest {
  readonly engine: Engine;
  readonly stream: Stream;
  readonly part: Exclude<Part, 'train'>;
  /** Tasks whose examples are wanted. */
  readonly tasks: readonly number[];
  /** Tasks that the network was trained on so far: the candidates where the task has to be inferred. */
  readonly seen: readonly number[];
  /** The network as predictions for a task see it. */
  readonly view: (task: number) => Network;
  /** True where a task's predictions use something of its own. */
  readonly taskSpecific: boolean;
  readonly inference: TaskInference | null;
  readonly batch: number;
  /** Mixes the tasks within batches where the task is withheld. */
  readonly seeds: SeedStream;
  readonly compiled: Compiled;
}

/** One example's logits and the classes they stand for. */
interface Answer {
  readonly logits: Float32Array;
  readonly classes: readonly number[];
  readonly task: number | null;
}

/**
 * Predictions for the examples of some tasks, one row per example.
 *
 * Where the scenario gives the task id, each task's examples run along its path. Where it withholds the id, the examples of all
 * tasks are mixed within batches and the predictor sees images only; a method with paths of its own runs each image along
 * every seen path and infers the task from that image's logits alone.
 *
 * @returns outcomes in order of task and example, and one evaluation per task.
 */
export async function evaluate(
  request: EvaluationRequest,
): Promise<{outcomes: Outcomes; evaluations: readonly Evaluation[]}> {
  const {stream, part} = request;
  const evaluations = new Map<number, Evaluation>();
  const rows: Row[] = [];
  const given = !withholdsTask(stream.scenario);
  for (const task of request.tasks) {
    const examples = stream.tasks[task]!.examples[part].length;
    const reason = refusal(request, task, given);
    if (reason === null) for (let example = 0; example < examples; example++) rows.push({task, example});
    else evaluations.set(task, undefinedEvaluation(part, task, examples, reason));
  }
  const answers = new Array<Answer>(rows.length);
  if (rows.length > 0) {
    if (given) await answerByTask(request, rows, answers);
    else await answerMixed(request, rows, answers);
  }
  const outcomes = outcomesOf(stream, part, rows, answers);
  for (const task of request.tasks) {
    if (!evaluations.has(task)) evaluations.set(task, summary(part, task, outcomes, rows, answers));
  }
  return {outcomes, evaluations: request.tasks.map((task) => evaluations.get(task)!)};
}

function refusal({view, taskSpecific, seen}: EvaluationRequest, task: number, given: boolean): string | null {
  if (taskSpecific && !given) return seen.includes(task) ? null : 'the network has no path for this task yet';
  return answering(view(task), task).reason ?? null;
}

async function answerByTask(request: EvaluationRequest, rows: readonly Row[], answers: Answer[]): Promise<void> {
  for (const task of new Set(rows.map((row) => row.task))) {
    const network = request.view(task);
    const {segments} = answering(network, task);
    const predictor = await createPredictor(request.engine, network, task, segments, request.batch, request.compiled);
    const places = [...rows.keys()].filter((i) => rows[i]!.task === task);
    await runAlong(request, predictor, rows, places, (i, logits) => {
      answers[i] = {logits, classes: predictor.classes, task};
    });
  }
}

async function answerMixed(request: EvaluationRequest, rows: readonly Row[], answers: Answer[]): Promise<void> {
  const {engine, batch, compiled, inference, taskSpecific, seen} = request;
  const mixed = [...request.seeds.permutation(rows.length)];
  if (!taskSpecific) {
    const latest = seen.at(-1) ?? 0;
    const network = request.view(latest);
    const predictor = await createPredictor(engine, network, latest, network.topology.head.segments, batch, compiled);
    const owner = predictor.path.segments.flatMap((segment) => segment.classes.map(() => segment.task));
    await runAlong(request, predictor, rows, mixed, (i, logits) => {
      answers[i] = {logits, classes: predictor.classes, task: owner[largest(logits)] ?? null};
    });
    return;
  }
  const fits = new Float64Array(rows.length).fill(Number.NEGATIVE_INFINITY);
  for (const candidate of seen) {
    const network = request.view(candidate);
    const {segments} = answering(network, candidate);
    const predictor = await createPredictor(engine, network, candidate, segments, batch, compiled);
    await runAlong(request, predictor, rows, mixed, (i, logits) => {
      const fit = inference!.fit(logits);
      if (answers[i] !== undefined && !(fit > fits[i]!)) return;
      fits[i] = fit;
      answers[i] = {logits, classes: predictor.classes, task: candidate};
    });
  }
}

async function runAlong(
  {stream, part, batch}: EvaluationRequest,
  predictor: PathPredictor,
  rows: readonly Row[],
  places: readonly number[],
  take: (place: number, logits: Float32Array) => void,
): Promise<void> {
  const images = new Uint8Array(batch * stream.features);
  const width = predictor.classes.length;
  try {
    for (let at = 0; at < places.length; at += batch) {
      const chunk = places.slice(at, at + batch);
      fillImages(
        stream,
        part,
        chunk.map((i) => rows[i]!),
        images,
      );
      const logits = await predictor.logits(images.slice(), chunk.length);
      chunk.forEach((place, i) => {
        take(place, logits.slice(i * width, (i + 1) * width));
      });
    }
  } finally {
    predictor.dispose();
  }
}

function outcomesOf(stream: Stream, part: Part, rows: readonly Row[], answers: readonly Answer[]): Outcomes {
  const n = rows.length;
  const outcomes = {
    evalTask: Int32Array.from(rows, (row) => row.task),
    example: Int32Array.from(rows, (row) => row.example),
    label: new Int32Array(n),
    prediction: new Int32Array(n),
    score: new Float32Array(n),
    loss: new Float32Array(n),
    inferredTask: new Int32Array(n),
  };
  rows.forEach((row, i) => {
    const {logits, classes, task} = answers[i]!;
    const label = targetOf(stream, part, row);
    outcomes.label[i] = label;
    outcomes.inferredTask[i] = task ?? row.task;
    if (!logits.every(Number.isFinite)) {
      outcomes.prediction[i] = -1;
      outcomes.score[i] = Number.NaN;
      outcomes.loss[i] = Number.NaN;
      return;
    }
    const probabilities = softmax(logits);
    const best = largest(logits);
    const own = classes.indexOf(label);
    outcomes.prediction[i] = classes[best]!;
    outcomes.score[i] = probabilities[best]!;
    outcomes.loss[i] = own < 0 ? Number.POSITIVE_INFINITY : -Math.log(probabilities[own]!);
  });
  return outcomes;
}

function largest(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

function undefinedEvaluation(part: 'validation' | 'test', task: number, examples: number, reason: string): Evaluation {
  return {
    evalTask: task,
    split: part,
    status: 'undefined',
    reason,
    examples,
    correct: null,
    accuracy: null,
    loss: null,
    logitsHash: null,
  };
}

function summary(
  part: 'validation' | 'test',
  task: number,
  outcomes: Outcomes,
  rows: readonly Row[],
  answers: readonly Answer[],
): Evaluation {
  const places = [...rows.keys()].filter((i) => rows[i]!.task === task);
  const bad = places.filter((i) => outcomes.prediction[i] === -1).length;
  const base = {evalTask: task, split: part, examples: places.length};
  const bytes = Buffer.concat(places.map((i) => new Uint8Array(answers[i]!.logits.buffer)));
  const logitsHash = sha256(bytes);
  if (bad > 0) {
    const reason = `the logits of ${bad} of ${places.length} examples are not finite`;
    return {...base, status: 'non-finite', reason, correct: null, accuracy: null, loss: null, logitsHash};
  }
  if (places.length === 0) return undefinedEvaluation(part, task, 0, 'the split has no examples');
  const correct = places.filter((i) => outcomes.prediction[i] === outcomes.label[i]).length;
  const loss = places.reduce((sum, i) => sum + outcomes.loss[i]!, 0) / places.length;
  return {
    ...base,
    status: 'ok',
    correct,
    accuracy: correct / places.length,
    loss: Number.isFinite(loss) ? loss : null,
    logitsHash,
  };
}
