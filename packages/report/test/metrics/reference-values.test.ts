import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect} from 'chai';
import {accuracyMatrix, detailOf, type Evidence, metrics} from '../../src/index.ts';

type Expected = Readonly<Record<string, number>>;
type Matrix = readonly (readonly number[])[];

interface Fixture {
  readonly matrices: readonly {
    readonly after: Matrix;
    readonly before: readonly number[];
    readonly joint: Matrix;
    readonly independent: Matrix;
    readonly expected: Expected;
  }[];
  readonly predictions: readonly {
    readonly label: readonly number[];
    readonly prediction: readonly number[];
    readonly score: readonly number[];
    readonly loss: readonly number[];
    readonly expected: Expected;
  }[];
  readonly routing: readonly {
    readonly load: Matrix;
    readonly entropy: readonly number[];
    readonly expected: Expected;
  }[];
}

const file = join(import.meta.dirname, '../fixtures/metrics.json');
const fixture = JSON.parse(readFileSync(file, 'utf8')) as Fixture;

const nothing: Evidence = {
  matrix: accuracyMatrix([]),
  scenario: 'class-incremental',
  finalTallies: undefined,
  finalDetail: undefined,
  taskCount: 1,
  costs: [],
  learning: [],
  growth: [],
  routing: [],
  references: {joint: undefined, independent: undefined},
};

/** Every expected value, by the metric of its name. */
function check(evidence: Evidence, expected: Expected, tolerance: number): void {
  expect(Object.keys(expected)).to.have.length.greaterThan(0);
  for (const [name, value] of Object.entries(expected)) {
    const metric = metrics.find((candidate) => candidate.name === name);
    const result = metric?.compute(evidence);
    expect(result?.value, name).to.be.closeTo(value, tolerance);
  }
}

describe('metrics against values of NumPy, SciPy and scikit-learn', () => {
  for (const {after, before, joint, independent, expected} of fixture.matrices) {
    it(`of a matrix of ${after.length} tasks`, () => {
      const references = {joint: accuracyMatrix(joint), independent: accuracyMatrix(independent)};
      check({...nothing, matrix: accuracyMatrix(after, before), references}, expected, 1e-12);
    });
  }

  for (const {label, prediction, score, loss, expected} of fixture.predictions) {
    it(`of ${label.length} predictions`, () => {
      const zeros = new Int32Array(label.length);
      const outcomes = {
        evalTask: zeros,
        example: Int32Array.from(label.keys()),
        label: Int32Array.from(label),
        prediction: Int32Array.from(prediction),
        score: Float32Array.from(score),
        loss: Float32Array.from(loss),
        inferredTask: zeros,
      };
      check({...nothing, finalDetail: detailOf(outcomes)}, expected, 1e-6); // float32 in both
    });
  }

  for (const {load, entropy, expected} of fixture.routing) {
    it(`of the routing of ${load.length} tasks to ${load[0]!.length} modules`, () => {
      const taskCount = load.length;
      const modules = load[0]!.map((_, m) => `module:${m}`);
      const routing = load.map((own, evalTask) => ({
        afterTask: taskCount - 1,
        evalTask,
        site: 'hidden1',
        modules,
        load: [...own],
        entropy: entropy[evalTask]!,
        examples: 1000,
      }));
      check({...nothing, taskCount, routing}, expected, 1e-9);
    });
  }
});
