import type {Outcomes} from '@accrete/kit';
import {expect} from 'chai';
import fc from 'fast-check';
import {
  accuracyByClass,
  balancedAccuracy,
  detailOf,
  expectedCalibrationError,
  negativeLogLikelihood,
  topLabelBrierScore,
  worstClassAccuracy,
} from '../../src/index.ts';
import {pooled} from '../../src/runs/outcome-detail.ts';

type Line = readonly [label: number, prediction: number, score: number, loss: number, task?: number, inferred?: number];

function outcomes(lines: readonly Line[]): Outcomes {
  const column = (at: number): number[] => lines.map((line) => line[at] ?? 0);
  return {
    evalTask: Int32Array.from(column(4)),
    example: Int32Array.from(lines.keys()),
    label: Int32Array.from(column(0)),
    prediction: Int32Array.from(column(1)),
    score: Float32Array.from(column(2)),
    loss: Float32Array.from(column(3)),
    inferredTask: Int32Array.from(column(5)),
  };
}

const evidence = (lines: readonly Line[], taskCount = 1) => ({finalDetail: detailOf(outcomes(lines)), taskCount});

// Class 0: 2 of 3 right; class 1: 1 of 1. Confidences 0.9 and 0.92 share the bin (13/15, 14/15], 0.5 and 0.7 are alone.
const worked: readonly Line[] = [
  [0, 0, 0.9, 0.1],
  [0, 1, 0.92, 2.5],
  [0, 0, 0.5, 0.7],
  [1, 1, 0.7, 0.3],
];

describe('metrics of single predictions', () => {
  // ECE: (|1 - 1.82| + |1 - 0.5| + |1 - 0.7|) / 4; Brier: (0.01 + 0.8464 + 0.25 + 0.09) / 4; NLL: 3.6 / 4.
  for (const [metric, expected] of [
    [expectedCalibrationError, 1.62 / 4],
    [topLabelBrierScore, 1.1964 / 4],
    [negativeLogLikelihood, 0.9],
    [balancedAccuracy, (2 / 3 + 1) / 2],
    [worstClassAccuracy, 2 / 3],
  ] as const) {
    it(`${metric.name} of the worked outcomes is ${expected.toFixed(4)}`, () => {
      expect(metric.compute(evidence(worked)).value).to.be.closeTo(expected, 1e-6);
    });
  }

  const all = [
    expectedCalibrationError,
    topLabelBrierScore,
    negativeLogLikelihood,
    balancedAccuracy,
    worstClassAccuracy,
  ];

  it('are non-finite, never a number, where one example is; undefined where there is none, or a task has none', () => {
    for (const metric of all) {
      const broken = metric.compute(evidence([...worked, [0, -1, Number.NaN, Number.NaN]]));
      expect(broken, metric.name).to.include({value: null, status: 'non-finite'});
      expect(metric.compute({finalDetail: undefined, taskCount: 1})).to.include({status: 'undefined'});
      expect(metric.compute(evidence(worked, 2))).to.include({
        reason: 'after the last task: outcomes for 1 of 2 tasks',
      });
    }
  });

  it('leave NLL undefined where a class was not offered; the others need no likelihood', () => {
    const lines: readonly Line[] = [...worked, [2, 0, 0.8, Number.POSITIVE_INFINITY]];
    expect(negativeLogLikelihood.compute(evidence(lines))).to.deep.include({
      status: 'undefined',
      reason: 'after the last task: 1 of 5 examples have a class that was not offered',
    });
    expect(worstClassAccuracy.compute(evidence(lines)).value).to.equal(0);
  });

  const line = fc.tuple(
    fc.integer({min: 0, max: 3}),
    fc.integer({min: 0, max: 3}),
    fc.double({min: 0, max: 1, noNaN: true}),
    fc.double({min: 0, max: 9, noNaN: true}),
  );
  const some = fc.array(line, {minLength: 1, maxLength: 40});

  it('stay in their range, do not depend on the order of examples, and have worst class <= balanced', () => {
    fc.assert(
      fc.property(some, (lines) => {
        for (const metric of all) {
          const {value} = metric.compute(evidence(lines));
          expect(value, metric.name).to.be.within(metric.range[0]!, metric.range[1] ?? Number.POSITIVE_INFINITY);
          expect(metric.compute(evidence([...lines].reverse())).value).to.be.closeTo(value!, 1e-9);
        }
        const [worst, balanced] = [worstClassAccuracy, balancedAccuracy].map((m) => m.compute(evidence(lines)).value!);
        expect(worst!).to.be.at.most(balanced! + 1e-12);
      }),
    );
  });

  it('bound ECE from below by |accuracy - mean confidence|, and reach 0 where every answer is sure and right', () => {
    fc.assert(
      fc.property(some, (lines) => {
        const gap = lines.reduce((sum, [label, taken, score]) => sum + (label === taken ? 1 : 0) - score, 0);
        const ece = expectedCalibrationError.compute(evidence(lines)).value!;
        expect(ece).to.be.at.least(Math.abs(gap) / lines.length - 1e-6);
      }),
    );
    expect(expectedCalibrationError.compute(evidence([[1, 1, 1, 0]])).value).to.equal(0);
  });
});

describe('confusions', () => {
  it('are counted by pair, for classes and tasks, and add up over runs', () => {
    const {classes, tasks} = detailOf(
      outcomes([
        [1, 0, 0.5, 1, 1, 0],
        [0, 0, 0.5, 1, 0, 0],
        [1, 0, 0.5, 1, 1, -1],
      ]),
    );
    expect(classes).to.deep.equal([
      {truth: 0, taken: 0, examples: 1},
      {truth: 1, taken: 0, examples: 2},
    ]);
    expect(tasks.map(({truth, taken}) => [truth, taken])).to.deep.equal([
      [0, 0],
      [1, -1],
      [1, 0],
    ]);
    expect(pooled([classes, classes]).map(({examples}) => examples)).to.deep.equal([2, 4]);
    expect([...accuracyByClass(classes)]).to.deep.equal([
      [0, 1],
      [1, 0],
    ]);
  });

  it('count every example once', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({min: 0, max: 5}), fc.integer({min: 0, max: 5})), {maxLength: 30}),
        (pairs) => {
          const {classes} = detailOf(outcomes(pairs.map(([label, taken]) => [label, taken, 0.5, 1])));
          expect(classes.reduce((sum, {examples}) => sum + examples, 0)).to.equal(pairs.length);
        },
      ),
    );
  });
});
