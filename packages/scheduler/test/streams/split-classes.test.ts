import {seedStream} from '@accrete/kit';
import {expect} from 'chai';
import fc from 'fast-check';
import {type Part, type Scenario, type Stream, scenarios, streams, targetOf} from '../../src/index.ts';
import {refusalOf} from '../support/refusal.ts';
import {tinyDataset} from '../support/tiny-dataset.ts';

const parts: readonly Part[] = ['train', 'validation', 'test'];
const dataset = tinyDataset({classes: 12, train: 30, test: 7, size: 2});

interface Asked {
  readonly tasks?: number;
  readonly classOrder?: 'fixed' | 'seeded';
  readonly validationFraction?: number;
  readonly trainPerTask?: number | null;
}

function split(asked: Asked, scenario: Scenario = 'class-incremental', seed = 1): Stream {
  const source = streams.create({kind: 'split-classes', dataset: {kind: 'procedural'}, ...asked});
  return source.build(dataset, scenario, seedStream(seed, 'stream'));
}

const asked = fc.record({
  tasks: fc.constantFrom(1, 2, 3, 4, 6, 12),
  classOrder: fc.constantFrom('fixed' as const, 'seeded' as const),
  validationFraction: fc.constantFrom(0, 0.1, 0.29, 0.5, 0.9),
});
const scenario = fc.constantFrom(...scenarios);
const seed = fc.nat();

describe('split-classes', () => {
  it('divides the classes into tasks of equal size, each class in exactly one', () => {
    fc.assert(
      fc.property(asked, seed, (options, s) => {
        const {tasks, classes} = split(options, 'class-incremental', s);
        expect(tasks.map((task) => task.classes.length)).to.deep.equal(tasks.map(() => 12 / options.tasks));
        const all = tasks.flatMap((task) => task.classes);
        expect([...all].sort((a, b) => a - b)).to.deep.equal(Array.from({length: 12}, (_, i) => i));
        expect([...classes]).to.deep.equal(all);
      }),
    );
  });

  it('puts every image into exactly one split of one task, and no training image into two splits', () => {
    fc.assert(
      fc.property(asked, scenario, seed, (options, s, n) => {
        const {tasks} = split(options, s, n);
        const sorted = (from: readonly Part[]): number[] =>
          tasks.flatMap(({examples}) => from.flatMap((part) => [...examples[part]])).sort((a, b) => a - b);
        expect(sorted(['train', 'validation'])).to.deep.equal(Array.from({length: 360}, (_, i) => i));
        expect(sorted(['test'])).to.deep.equal(Array.from({length: 84}, (_, i) => i));
      }),
    );
  });

  it('holds out the same number of every class for validation: the share, rounded down', () => {
    for (const [fraction, held] of [
      [0, 0],
      [0.1, 3],
      [0.29, 8],
      [0.5, 15],
      [0.3, 9],
      [0.99, 29],
    ] as const) {
      for (const task of split({tasks: 4, validationFraction: fraction}).tasks) {
        const labels = [...task.examples.validation].map((at) => dataset.train.labels[at]!);
        const counts = task.classes.map((label) => labels.filter((l) => l === label).length);
        expect(counts, `share ${fraction}`).to.deep.equal(task.classes.map(() => held));
      }
    }
  });

  it('takes as many training images of every task as asked for, drawn by the seed, and leaves the other splits', () => {
    const whole = split({tasks: 3});
    const few = split({tasks: 3, trainPerTask: 20});
    for (const [index, {examples}] of few.tasks.entries()) {
      const {train, validation, test} = whole.tasks[index]!.examples;
      expect(new Set(examples.train)).to.have.lengthOf(20);
      expect([...examples.train].every((place) => train.includes(place))).to.equal(true);
      expect(examples.validation).to.deep.equal(validation);
      expect(examples.test).to.deep.equal(test);
    }
    const of = (seed: number) => [
      ...split({tasks: 3, trainPerTask: 20}, 'class-incremental', seed).tasks[1]!.examples.train,
    ];
    expect(of(1)).to.deep.equal(of(1));
    expect(of(1)).to.not.deep.equal(of(2));
  });

  it('refuses more training images per task than there are', async () => {
    const {message} = await refusalOf('E_DATA', () => split({tasks: 3, validationFraction: 0.1, trainPerTask: 109}));
    expect(message).to.contain('at least 109').and.to.contain('got 108');
  });

  it('gives 29 of 100 for a share of 0.29, which floating point makes 28.999', () => {
    const hundred = tinyDataset({classes: 2, train: 100, test: 1, size: 2});
    const source = streams.parse({kind: 'split-classes', dataset: {kind: 'mnist'}, tasks: 1, validationFraction: 0.29});
    const [task] = source.build(hundred, 'task-incremental', seedStream(0)).tasks;
    expect(task!.examples.validation).to.have.length(58);
  });

  it('holds out other images for another seed, at random', () => {
    const of = (s: number): string => split({tasks: 2}, 'task-incremental', s).tasks[0]!.examples.validation.join();
    expect(new Set([0, 1, 2, 3].map(of)).size).to.equal(4);
  });

  it('is the same for the same seed', () => {
    fc.assert(
      fc.property(asked, scenario, seed, (options, s, n) => {
        expect(split(options, s, n).tasks).to.deep.equal(split(options, s, n).tasks);
      }),
      {numRuns: 20},
    );
  });

  it('orders the classes by the seed where asked to, and by number otherwise', () => {
    const order = (classOrder: 'fixed' | 'seeded', s: number): string =>
      split({tasks: 12, classOrder}, 'class-incremental', s).classes.join();
    expect(order('fixed', 1)).to.equal(order('fixed', 2)).and.to.equal('0,1,2,3,4,5,6,7,8,9,10,11');
    expect(new Set([1, 2, 3, 4, 5].map((s) => order('seeded', s))).size).to.equal(5);
  });

  it('keeps the labels as targets, but in domain-incremental takes the place in the task', () => {
    fc.assert(
      fc.property(asked, scenario, seed, (options, s, n) => {
        const stream = split(options, s, n);
        const shared = s === 'domain-incremental';
        if (shared) expect([...stream.classes]).to.deep.equal(Array.from({length: 12 / options.tasks}, (_, i) => i));
        const labelled = split(options, 'class-incremental', n);
        stream.tasks.forEach((task, t) => {
          for (const part of parts) {
            const from = part === 'test' ? dataset.test : dataset.train;
            task.examples[part].forEach((at, example) => {
              const label = from.labels[at]!;
              const target = shared ? labelled.tasks[t]!.classes.indexOf(label) : label;
              expect(targetOf(stream, part, {task: t, example})).to.equal(target);
              expect(task.classes).to.include(target);
            });
          }
        });
      }),
      {numRuns: 10},
    );
  });

  it('refuses to divide 12 classes among 5 tasks, and says what would do', async () => {
    const {message} = await refusalOf('E_COMBINATION', () => split({tasks: 5}));
    expect(message).to.contain('tiny has 12 classes, which 5 tasks cannot share evenly. Choose a divisor of 12.');
  });

  it('refuses a data set that has no images of a class', async () => {
    const source = streams.create({kind: 'split-classes', dataset: {kind: 'procedural'}, tasks: 3});
    const test = {...dataset.test, labels: dataset.test.labels.map((label) => label % 4)};
    const build = (): Stream => source.build({...dataset, test}, 'task-incremental', seedStream(0));
    const {message} = await refusalOf('E_DATA', build);
    expect(message).to.contain('tiny has no test images of classes 4, 5, 6, 7.');
  });
});
