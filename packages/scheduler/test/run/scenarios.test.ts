import {seedStream} from '@accrete/kit';
import {expectClose} from '@accrete/testing';
import {expect} from 'chai';
import {
  type RunConfigInput,
  type Scenario,
  type Strategy,
  type Stream,
  strategies,
  type Task,
} from '../../src/index.ts';
import {lowestEntropy} from '../../src/inference/by-logits.ts';
import type {LogitInference} from '../../src/inference/task-inference.ts';
import {recogniserOf} from '../../src/run/evaluate-all.ts';
import {Session} from '../../src/run/session.ts';
import {type EvaluationRequest, evaluate} from '../../src/training/evaluate.ts';
import {answering} from '../../src/training/predictor.ts';
import {dataset, runTiny, smallOptions, tinyConfig, useEngine} from '../support/tiny-run.ts';

type Variant = Partial<RunConfigInput> & {readonly scenario: Scenario};

const inference = {kind: 'lowest-entropy'} as const;
const withheld: Record<string, Variant> = {
  'fine-tuning, class-incremental': {scenario: 'class-incremental'},
  'replay, class-incremental, single head': {
    scenario: 'class-incremental',
    head: 'single',
    strategy: [smallOptions.replay],
  },
  'fine-tuning, domain-incremental': {scenario: 'domain-incremental'},
  'packnet, class-incremental': {
    scenario: 'class-incremental',
    strategy: [smallOptions.packnet],
    taskInference: inference,
  },
  'grow, domain-incremental': {scenario: 'domain-incremental', strategy: [smallOptions.grow], taskInference: inference},
  'largest logit, class-incremental': {
    scenario: 'class-incremental',
    strategy: [smallOptions.grow],
    taskInference: {kind: 'largest-logit'},
  },
  'supsup by superposition, class-incremental': {
    scenario: 'class-incremental',
    strategy: [smallOptions.supsup],
    taskInference: {kind: 'superposition', search: 'binary'},
  },
  'expert gate by recognition, domain-incremental': {
    scenario: 'domain-incremental',
    strategy: [smallOptions['expert-gate']],
    taskInference: {kind: 'recognition'},
  },
};

/** The same test images, each said to belong to the next task: only the claim is changed. */
function claimedByOthers(stream: Stream): Stream {
  const tasks = stream.tasks.map((task, i): Task => {
    const other = stream.tasks[(i + 1) % stream.tasks.length]!;
    return {...task, examples: {...task.examples, test: other.examples.test}};
  });
  return {...stream, tasks};
}

describe('scenarios', () => {
  const engine = useEngine();

  /** An evaluation request of a trained network. */
  async function trained(variant: Variant): Promise<EvaluationRequest> {
    const {checkpoints} = await runTiny(engine(), variant);
    const config = tinyConfig(variant);
    const session = new Session(config, {engine: engine(), dataset, resume: checkpoints.at(-1)!});
    return {
      engine: engine(),
      stream: session.stream,
      part: 'test',
      tasks: [0, 1, 2],
      seen: [0, 1, 2],
      view: session.view,
      taskSpecific: session.resolution.taskSpecific,
      inference: session.inference,
      recognise: recogniserOf(session),
      batch: 7,
      seeds: seedStream(1),
      compiled: () => {},
      features: session.features,
    };
  }

  /** What was said of each test image, by its place in the data set. */
  async function saidOf(request: EvaluationRequest) {
    const {outcomes} = await evaluate(request);
    const said = new Map<number, {prediction: number; inferred: number; score: number}>();
    outcomes.evalTask.forEach((task, i) => {
      const place = request.stream.tasks[task]!.examples.test[outcomes.example[i]!]!;
      said.set(place, {
        prediction: outcomes.prediction[i]!,
        inferred: outcomes.inferredTask[i]!,
        score: outcomes.score[i]!,
      });
    });
    return [...said].sort(([a], [b]) => a - b);
  }

  for (const [name, variant] of Object.entries(withheld)) {
    it(`${name}: which task an example claims to be of changes nothing that is said of it`, async () => {
      const request = await trained(variant);
      const claimed = {...request, stream: claimedByOthers(request.stream)};
      expect(await saidOf(claimed)).to.deep.equal(await saidOf(request));
      const other = {...request, seeds: seedStream(2)};
      expect(await saidOf(other), 'nor does who shares its batch').to.deep.equal(await saidOf(request));
    });

    it(`${name}: examples one at a time are told the same as in mixed batches`, async () => {
      const request = await trained(variant);
      const [one, many] = [await saidOf({...request, batch: 1}), await saidOf({...request, batch: 60})];
      const plain = (said: typeof one) => said.map(([place, {prediction, inferred}]) => [place, prediction, inferred]);
      expect(plain(one)).to.deep.equal(plain(many));
      expectClose(
        one.map(([, {score}]) => score),
        many.map(([, {score}]) => score),
      );
    });
  }

  it('the same trick is seen where the task is given', async () => {
    const request = await trained({scenario: 'task-incremental'});
    const claimed = {...request, stream: claimedByOthers(request.stream)};
    expect(await saidOf(claimed)).not.to.deep.equal(await saidOf(request));
  });

  it('a task inference is told logits and nothing else, each path those of one image', async () => {
    const request = await trained(withheld['packnet, class-incremental']!);
    const told: unknown[][] = [];
    const whole = lowestEntropy.create({});
    const watching: LogitInference = {
      from: 'logits',
      fit: (...given) => {
        told.push(given);
        return whole.fit(...given);
      },
    };
    await evaluate({...request, inference: watching});
    expect(told).to.have.length(3 * 60); // Every image along every path.
    expect(
      told.every((given) => given.length === 1 && given[0] instanceof Float32Array && given[0].length === 2),
    ).to.equal(true);
  });

  it("a strategy's view is asked for a candidate, never for an example", async () => {
    const asked: string[] = [];
    const packnet = strategies.parse(smallOptions.packnet);
    const request = await trained(withheld['packnet, class-incremental']!);
    const view: EvaluationRequest['view'] = (task) => {
      asked.push(`${task}`);
      return request.view(task);
    };
    await evaluate({...request, view});
    await evaluate({...request, view, stream: claimedByOthers(request.stream)});
    expect(new Set(asked)).to.deep.equal(new Set(['0', '1', '2']));
    expect(asked.slice(0, asked.length / 2)).to.deep.equal(asked.slice(asked.length / 2));
    const keys: (keyof Strategy)[] = ['view'];
    expect(packnet[keys[0]!]).to.be.a('function');
  });

  it('an inferred task is the one of the logits that were taken; where none is inferred it is -1', async () => {
    const inferredBy = async (variant: Variant) =>
      (await saidOf(await trained(variant))).map(([, {inferred}]) => inferred);
    const train = {epochs: 20, batchSize: 8, optimizer: {kind: 'sgd', learningRate: 0.05, momentum: 0.9}};
    const packnet = await saidOf(await trained({...withheld['packnet, class-incremental']!, train}));
    const right = packnet.filter(([place, {inferred}]) => inferred === Math.floor(dataset.test.labels[place]! / 2));
    expect(right.length, 'of 60').to.be.above(40);
    for (const [, {prediction, inferred}] of packnet) expect(inferred).to.equal(Math.floor(prediction / 2));
    const domain = await inferredBy(withheld['fine-tuning, domain-incremental']!);
    expect(new Set(domain)).to.deep.equal(new Set([-1]));
    const growing = await saidOf(await trained(withheld['fine-tuning, class-incremental']!));
    for (const [, {prediction, inferred}] of growing) expect(inferred).to.equal(Math.floor(prediction / 2));
  });

  it('offers no answer for tasks to come where it has none, and says so', async () => {
    const statuses = async (variant: Variant) => {
      const {events} = await runTiny(engine(), variant);
      const first = events.filter(
        (event) => event.type === 'evaluation' && event.split === 'test' && event.afterTask === 0,
      );
      return first.map((event) => (event.type === 'evaluation' ? (event.reason ?? event.status) : ''));
    };
    expect(await statuses({scenario: 'task-incremental'})).to.deep.equal([
      'ok',
      'the network has no head for this task yet',
      'the network has no head for this task yet',
    ]);
    expect(await statuses(withheld['packnet, class-incremental']!)).to.deep.equal([
      'ok',
      'the network has no path for this task yet',
      'the network has no path for this task yet',
    ]);
    expect(await statuses({scenario: 'domain-incremental'})).to.deep.equal(['ok', 'ok', 'ok']);
    const {topology} = (await trained({scenario: 'class-incremental'})).view(0);
    expect(answering({topology, parameters: {}}, 9).reason).to.contain('no logits for the classes of this task yet');
  });

  it('in class-incremental every class seen competes, also those of other tasks', async () => {
    const said = await saidOf(await trained({scenario: 'class-incremental'}));
    const wrongTask = said.filter(
      ([place, {prediction}]) => Math.floor(dataset.test.labels[place]! / 2) !== Math.floor(prediction / 2),
    );
    expect(wrongTask.length).to.be.above(10);
  });
});
