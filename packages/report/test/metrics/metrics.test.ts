import {expect} from 'chai';
import fc from 'fast-check';
import {
  accuracyMatrix,
  accuracySoFar,
  averageAccuracy,
  averageAnytimeAccuracy,
  backwardTransfer,
  bytesStored,
  forgettingFromAnyPeak,
  forgettingFromEarlierPeak,
  forgettingSinceLearning,
  forwardTransfer,
  learningAccuracy,
  type MetricValue,
  memoryPeak,
  metrics,
  minimumAccuracy,
  operationsActive,
  operationsPerExample,
  parametersStored,
  processorTime,
  stability,
  stabilityPlasticity,
  type TaskCost,
  taskInferenceAccuracy,
  trainingTime,
  worstCaseAccuracy,
} from '../../src/index.ts';

const worked = {
  matrix: accuracyMatrix(
    [
      [0.9, 0.1, 0.2],
      [0.95, 0.7, 0.3],
      [0.6, 0.75, 0.8],
    ],
    [0.05, 0.3, 0.25],
  ),
};
const onMatrix = [
  averageAccuracy,
  averageAnytimeAccuracy,
  learningAccuracy,
  backwardTransfer,
  forwardTransfer,
  forgettingSinceLearning,
  forgettingFromEarlierPeak,
  forgettingFromAnyPeak,
  stability,
  stabilityPlasticity,
  minimumAccuracy,
  worstCaseAccuracy,
];

function number(result: MetricValue): number {
  if (result.value === null) throw new Error(`expected a number, got ${result.status}: ${result.reason}`);
  return result.value;
}

const accuracy = fc.double({min: 0, max: 1, noNaN: true});
const square = fc.integer({min: 2, max: 6}).chain((tasks) =>
  fc.record({
    after: fc.array(fc.array(accuracy, {minLength: tasks, maxLength: tasks}), {minLength: tasks, maxLength: tasks}),
    before: fc.array(accuracy, {minLength: tasks, maxLength: tasks}),
  }),
);

describe('metrics of the accuracy matrix', () => {
  // By hand: 2.15 / 3; (0.9 + 0.825 + 0.71667) / 3; 2.4 / 3; (-0.3 + 0.05) / 2; (-0.2 + 0.05) / 2;
  // (0.3 - 0.05) / 2; (0.35 - 0.05) / 2; (0.35 + 0) / 2; (0.6 + 0.75) / 2; 2 * 0.675 * 0.8 / 1.475;
  // (0.6 + 0.75) / 2: task 0 is at its worst at the end; 0.8 / 3 + 2 / 3 * 0.675.
  const expected = [0.7166667, 0.8138889, 0.8, -0.125, -0.075, 0.125, 0.15, 0.175, 0.675, 0.7322034, 0.675, 0.7166667];
  for (const [i, metric] of onMatrix.entries()) {
    it(`${metric.name} of the worked matrix is ${expected[i]}`, () => {
      expect(number(metric.compute(worked))).to.be.closeTo(expected[i]!, 1e-6);
    });
  }

  it('tell gain from loss: where a later task helps, forgetting is negative in two variants and 0 in the third', () => {
    const helped = {
      matrix: accuracyMatrix([
        [0.5, 0],
        [0.7, 0.9],
      ]),
    };
    expect(number(backwardTransfer.compute(helped))).to.be.closeTo(0.2, 1e-12);
    expect(number(forgettingSinceLearning.compute(helped))).to.be.closeTo(-0.2, 1e-12);
    expect(number(forgettingFromEarlierPeak.compute(helped))).to.be.closeTo(-0.2, 1e-12);
    expect(number(forgettingFromAnyPeak.compute(helped))).to.equal(0);
  });

  it('say why they are undefined: tasks without an answer, a single task, no baseline', () => {
    const heads = {
      matrix: accuracyMatrix([
        [0.9, null],
        [0.8, 0.7],
      ]),
    };
    expect(number(averageAccuracy.compute(heads))).to.be.closeTo(0.75, 1e-12);
    expect(number(forgettingFromAnyPeak.compute(heads))).to.be.closeTo(0.1, 1e-12);
    expect(forwardTransfer.compute(heads)).to.deep.include({value: null, status: 'undefined'});
    for (const metric of [backwardTransfer, forwardTransfer, forgettingSinceLearning]) {
      const one = metric.compute({matrix: accuracyMatrix([[0.9]], [0.1])});
      expect(one).to.deep.equal({value: null, status: 'undefined', reason: 'needs at least two tasks'});
    }
    expect(averageAccuracy.compute({matrix: accuracyMatrix([])})).to.include({status: 'undefined'});
  });

  it('are non-finite, never a number, where a cell they need is', () => {
    const matrix = accuracyMatrix([
      [0.9, null],
      [Number.NaN, 0.7],
    ]);
    for (const metric of [averageAccuracy, backwardTransfer, forgettingSinceLearning, averageAnytimeAccuracy]) {
      expect(metric.compute({matrix}), metric.name).to.include({value: null, status: 'non-finite'});
    }
    expect(number(learningAccuracy.compute({matrix}))).to.be.closeTo(0.8, 1e-12);
  });

  it('stay in the range they state, and forgetting since learning is -BWT', () => {
    fc.assert(
      fc.property(square, ({after, before}) => {
        const evidence = {matrix: accuracyMatrix(after, before)};
        for (const metric of onMatrix) {
          const value = number(metric.compute(evidence));
          expect(value, metric.name).to.be.within(metric.range[0]! - 1e-12, metric.range[1]! + 1e-12);
        }
        const bwt = number(backwardTransfer.compute(evidence));
        expect(number(forgettingSinceLearning.compute(evidence))).to.be.closeTo(-bwt, 1e-12);
      }),
    );
  });

  it('order the variants: since learning <= earlier peak <= any peak', () => {
    fc.assert(
      fc.property(square, ({after}) => {
        const evidence = {matrix: accuracyMatrix(after)};
        const [since, earlier, any] = [forgettingSinceLearning, forgettingFromEarlierPeak, forgettingFromAnyPeak].map(
          (metric) => number(metric.compute(evidence)),
        );
        expect(since!).to.be.at.most(earlier! + 1e-12);
        expect(earlier!).to.be.at.most(any! + 1e-12);
        expect(any!).to.be.at.least(0);
      }),
    );
  });

  it('see the worst moment where it is not the end, and bound ACC by it from below', () => {
    const dip = {
      matrix: accuracyMatrix([
        [0.9, 0, 0],
        [0.2, 0.8, 0],
        [0.7, 0.6, 0.5],
      ]),
    };
    expect(number(minimumAccuracy.compute(dip))).to.be.closeTo((0.2 + 0.6) / 2, 1e-12);
    expect(number(worstCaseAccuracy.compute(dip))).to.be.closeTo(0.5 / 3 + (2 / 3) * 0.4, 1e-12);
    expect(worstCaseAccuracy.compute({matrix: accuracyMatrix([[0.7]])})).to.deep.equal({value: 0.7});
    fc.assert(
      fc.property(square, ({after}) => {
        const evidence = {matrix: accuracyMatrix(after)};
        const [worst, acc, low, kept, learnt, both] = [
          worstCaseAccuracy,
          averageAccuracy,
          minimumAccuracy,
          stability,
          learningAccuracy,
          stabilityPlasticity,
        ].map((metric) => number(metric.compute(evidence)));
        expect(worst!).to.be.at.most(acc! + 1e-12);
        expect(low!).to.be.at.most(kept! + 1e-12);
        expect(both!).to.be.within(Math.min(kept!, learnt!) - 1e-12, Math.max(kept!, learnt!) + 1e-12);
      }),
    );
  });

  it('show no transfer and no forgetting where nothing changes', () => {
    fc.assert(
      fc.property(fc.array(accuracy, {minLength: 2, maxLength: 6}), (row) => {
        const evidence = {
          matrix: accuracyMatrix(
            row.map(() => row),
            row,
          ),
        };
        for (const metric of [backwardTransfer, forwardTransfer, forgettingSinceLearning, forgettingFromEarlierPeak]) {
          expect(number(metric.compute(evidence)), metric.name).to.be.closeTo(0, 1e-12);
        }
        expect(number(averageAccuracy.compute(evidence))).to.be.closeTo(
          number(learningAccuracy.compute(evidence)),
          1e-12,
        );
      }),
    );
  });

  it('average what was met so far, and nothing else', () => {
    expect(number(accuracySoFar(worked.matrix, 1))).to.be.closeTo(0.825, 1e-12);
  });
});

describe('metrics of task inference and cost', () => {
  const tally = {examples: 10, correct: 5, nonFinite: 0, inferredRight: 8, notInferred: 0};

  it('average task inference over tasks, not over examples', () => {
    const finalTallies = [tally, {...tally, examples: 100, inferredRight: 20}];
    const evidence = {scenario: 'class-incremental', finalTallies};
    expect(number(taskInferenceAccuracy.compute(evidence))).to.be.closeTo(0.5, 1e-12);
  });

  it('leave task inference undefined where the task is given, or none is named', () => {
    const given = taskInferenceAccuracy.compute({scenario: 'task-incremental', finalTallies: [tally]});
    expect(given).to.deep.include({value: null, status: 'undefined'});
    const none = taskInferenceAccuracy.compute({
      scenario: 'domain-incremental',
      finalTallies: [{...tally, notInferred: 3}],
    });
    expect(none).to.deep.include({value: null, status: 'undefined'});
  });

  it('take sizes at the end, and sum times', () => {
    const cost = (task: number): TaskCost => ({
      task,
      total: 100 + task,
      trainable: 10,
      active: 50,
      bytes: 1000 * (task + 1),
      trainMs: 1500,
      evaluateMs: 1,
      compileMs: 1,
      durationMs: 2000,
      cpuMs: 3000,
      memoryPeakBytes: 5e8 + task,
      flopsPerExample: task === 0 ? 200 : 400,
      flopsActive: 200,
    });
    const evidence = {costs: [cost(0), cost(1)], taskCount: 2};
    const values = [parametersStored, bytesStored, trainingTime].map((metric) => number(metric.compute(evidence)));
    expect(values).to.deep.equal([101, 2000, 3]);
    expect(bytesStored.compute({...evidence, taskCount: 3})).to.include({reason: '2 of 3 tasks have ended'});
    const measured = [processorTime, memoryPeak, operationsPerExample, operationsActive];
    expect(measured.map((metric) => number(metric.compute(evidence)))).to.deep.equal([6, 5e8 + 1, 300, 200]);
    const silent = {...evidence, costs: [cost(0), {...cost(1), cpuMs: undefined, memoryPeakBytes: undefined}]};
    for (const metric of [processorTime, memoryPeak]) {
      expect(metric.compute(silent)).to.deep.include({value: null, status: 'undefined'});
    }
  });
});

describe('the list of metrics', () => {
  it('has distinct names, and a formula and a source for each', () => {
    expect(new Set(metrics.map((metric) => metric.name)).size).to.equal(metrics.length);
    for (const {name, formula, summary, source} of metrics) {
      expect(name).to.match(/^[a-z][a-z0-9-]*$/);
      expect([formula, summary, source.cite].every((text) => text.length > 0)).to.equal(true);
    }
  });
});
