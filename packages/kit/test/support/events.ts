import type {EventBody, RunEvent} from '../../src/index.ts';

const parameters = {total: 10, trainable: 4, active: 8, bytes: 40};
const place = {task: 1, phase: 0, epoch: 2, step: 30};

/** One event of every type; typed so that a new type without an example does not compile. */
const bodies: {readonly [K in RunEvent['type']]: Extract<EventBody, {type: K}>} = {
  'run-start': {
    type: 'run-start',
    run: {experiment: 'e', label: 'ewc', hash: 'ab', seed: 0, scenario: 's', stream: 't', dataset: 'd'},
    engine: 'onnx',
    dataNotes: ['procedural images stand in'],
    tasks: [{index: 0, name: 'a', classes: [0, 1], train: 9, validation: 1, test: 5}],
  },
  'run-resume': {type: 'run-resume', afterTask: -1, ...place},
  'task-start': {type: 'task-start', task: 0, name: 'a', phases: ['train'], parameters},
  growth: {
    type: 'growth',
    task: 0,
    change: 'add',
    modules: ['layer0/module:0'],
    reason: 'new task',
    parametersAdded: 5,
    bytesAdded: -20,
  },
  search: {
    type: 'search',
    task: 1,
    candidates: [
      {name: 'all new', accuracy: 0.8, parametersAdded: 12, durationMs: 10},
      {name: 'diverged', accuracy: null, parametersAdded: 0, durationMs: 5},
    ],
    chosen: 'all new',
    reason: 'most accurate on validation',
  },
  compile: {type: 'compile', task: 0, program: 'train', durationMs: 1.5, cached: false},
  progress: {type: 'progress', task: 0, phase: 'train', epoch: 0, step: 3, steps: 10, loss: null},
  epoch: {
    type: 'epoch',
    task: 0,
    phase: 'train',
    epoch: 0,
    steps: 10,
    examples: 320,
    loss: 0.7,
    terms: {penalty: 0.1, other: null},
    durationMs: 12,
  },
  routing: {
    type: 'routing',
    afterTask: 1,
    evalTask: 0,
    site: 'layer0',
    modules: ['layer0/module:0', 'layer0/module:1'],
    load: [0.25, 0.75],
    entropy: 0.4,
    examples: 5,
  },
  diagnosis: {
    type: 'diagnosis',
    afterTask: 1,
    site: 'layer0',
    failure: 'dead-modules',
    value: 1,
    limit: 0,
    failed: true,
    modules: ['layer0/module:1'],
  },
  'learning-point': {type: 'learning-point', task: 1, batch: 2, correct: null, examples: 10},
  'frozen-hash': {type: 'frozen-hash', afterTask: 0, hashes: {'layer0/base': 'ab'}},
  evaluation: {
    type: 'evaluation',
    afterTask: -1,
    evalTask: 0,
    split: 'test',
    status: 'undefined',
    reason: 'no head yet',
    examples: 5,
    correct: null,
    accuracy: null,
    loss: null,
    logitsHash: null,
  },
  'task-end': {
    type: 'task-end',
    task: 0,
    durationMs: 9,
    trainMs: 5,
    evaluateMs: 3,
    compileMs: 1,
    steps: 10,
    parameters,
  },
  checkpoint: {type: 'checkpoint', ...place, durationMs: 2},
  evidence: {
    type: 'evidence',
    method: 'fisher',
    module: 'digits',
    subject: 'random',
    measure: 'necessity',
    against: null,
    layer: null,
    asked: 0.1,
    density: 0.1,
    seed: 0,
    status: 'undefined',
    reason: 'near chance',
    value: null,
    examples: 5,
  },
  notice: {type: 'notice', code: 'N_X', message: 'look'},
  'run-end': {type: 'run-end', status: 'done', durationMs: 20, parametersHash: 'cd', tensorsLeaked: 0},
};

/** A log with one event of every type, numbered from 0. */
export const everyEvent: readonly RunEvent[] = Object.values(bodies).map(
  (body, seq) => ({...body, seq, time: '2026-01-02T03:04:05.678Z'}) as RunEvent,
);

/** Events as the lines of a log. */
export function asLines(events: readonly unknown[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join('');
}
