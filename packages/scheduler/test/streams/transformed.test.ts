import {seedStream} from '@accrete/kit';
import {expect} from 'chai';
import fc from 'fast-check';
import {fillImages, type Part, type Scenario, type Stream, streams} from '../../src/index.ts';
import {refusalOf} from '../support/refusal.ts';
import {tinyDataset} from '../support/tiny-dataset.ts';

const dataset = tinyDataset({classes: 3, train: 4, test: 2, size: 5});

function build(config: Record<string, unknown>, seed = 1, scenario: Scenario = 'domain-incremental', from = dataset) {
  const source = streams.parse({dataset: {kind: 'procedural'}, ...config});
  return source.build(from, scenario, seedStream(seed, 'stream'));
}

/** One image of a stream's task. */
function imageOf(stream: Stream, task: number, part: Part = 'train', example = 0): number[] {
  const into = new Uint8Array(stream.features);
  fillImages(stream, part, [{task, example}], into);
  return [...into];
}

/** A stream whose images all are the one given. */
function showing(image: readonly number[], shape: [number, number, number], config: Record<string, unknown>): Stream {
  const split = {images: Uint8Array.from([...image, ...image]), labels: Uint8Array.of(0, 1), examples: 2};
  const from = {...dataset, classes: ['a', 'b'], imageShape: shape, train: split, test: split};
  return build({validationFraction: 0, ...config}, 1, 'task-incremental', from);
}

describe('permuted', () => {
  const numbered = Array.from({length: 24}, (_, i) => 10 * i);

  it('shuffles pixels by a bijection, with their channels, the same in train and test', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({min: 1, max: 3}), (seed, channels) => {
        const pixels = 24 / channels;
        if (!Number.isInteger(pixels)) return;
        const source = streams.create({
          kind: 'permuted',
          dataset: {kind: 'procedural'},
          tasks: 3,
          validationFraction: 0,
        });
        const split = {images: Uint8Array.from([...numbered, ...numbered]), labels: Uint8Array.of(0, 1), examples: 2};
        const from = {...dataset, classes: ['a', 'b'], train: split, test: split};
        const stream = source.build({...from, imageShape: [1, pixels, channels]}, 'task-incremental', seedStream(seed));
        for (const task of [0, 1, 2]) {
          const image = imageOf(stream, task);
          expect([...image].sort((a, b) => a - b)).to.deep.equal(numbered);
          for (let i = 0; i < 24; i += channels)
            for (let c = 1; c < channels; c++) expect(image[i + c]).to.equal(image[i]! + 10 * c);
          expect(imageOf(stream, task, 'test', 1)).to.deep.equal(image);
        }
      }),
      {numRuns: 30},
    );
  });

  it('leaves the first task as it is unless told otherwise, and permutes the others each its own way', () => {
    const shape: [number, number, number] = [4, 6, 1];
    const plain = showing(numbered, shape, {kind: 'permuted', tasks: 4});
    expect(imageOf(plain, 0)).to.deep.equal(numbered);
    const all = showing(numbered, shape, {kind: 'permuted', tasks: 4, first: 'permuted'});
    expect(new Set([0, 1, 2, 3].map((task) => imageOf(all, task).join())).size).to.equal(4);
    expect(imageOf(all, 0)).not.to.deep.equal(numbered);
  });

  it('is the same for the same seed, and another for another', () => {
    const of = (seed: number): string => imageOf(build({kind: 'permuted', tasks: 2}, seed), 1).join();
    expect(of(3)).to.equal(of(3));
    expect(new Set([0, 1, 2, 3].map(of)).size).to.equal(4);
  });

  it('has all classes and the same examples in every task', () => {
    const {tasks, classes} = build({kind: 'permuted', tasks: 3, validationFraction: 0.25});
    for (const task of tasks) {
      expect(task.classes).to.deep.equal(classes).and.to.deep.equal([0, 1, 2]);
      expect(task.examples).to.deep.equal(tasks[0]!.examples);
      expect([...task.examples.train].some((at) => task.examples.validation.includes(at))).to.equal(false);
    }
  });

  for (const kind of ['permuted', 'rotated']) {
    it(`${kind} is refused as class-incremental, with what to use`, async () => {
      const {message} = await refusalOf('E_COMBINATION', () => build({kind}, 1, 'class-incremental'));
      expect(message).to.contain('class-incremental needs tasks with different classes');
      expect(message).to.contain('Use domain-incremental, or split-classes.');
    });
  }
});

describe('rotated', () => {
  // 1 2 3      3 6 9      9 8 7      7 4 1
  // 4 5 6  ->  2 5 8  ->  6 5 4  ->  8 5 2    counter-clockwise
  // 7 8 9      1 4 7      3 2 1      9 6 3
  const quarters = [
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
    [3, 6, 9, 2, 5, 8, 1, 4, 7],
    [9, 8, 7, 6, 5, 4, 3, 2, 1],
    [7, 4, 1, 8, 5, 2, 9, 6, 3],
  ];

  it('turns an image by 0, 90, 180 and 270 degrees exactly', () => {
    const stream = showing(quarters[0]!, [3, 3, 1], {kind: 'rotated', tasks: 4, degrees: 360});
    expect([0, 1, 2, 3].map((task) => imageOf(stream, task))).to.deep.equal(quarters);
    expect(stream.tasks.map(({name}) => name)).to.deep.equal(['0°', '90°', '180°', '270°']);
  });

  it('four quarter turns, of any square image, are the image again', () => {
    fc.assert(
      fc.property(fc.integer({min: 2, max: 9}), fc.infiniteStream(fc.nat(255)), (size, bytes) => {
        const image = [...bytes.take(size * size)];
        const turned = [0, 0, 0, 0].reduce(
          (seen) => imageOf(showing(seen, [size, size, 1], {kind: 'rotated', tasks: 2, degrees: 180}), 1),
          image,
        );
        expect(turned).to.deep.equal(image);
      }),
      {numRuns: 20},
    );
  });

  it('weighs the four neighbours of a turned pixel: a constant image stays constant in the middle, and fades to 0 outside', () => {
    const stream = showing(Array(49).fill(200), [7, 7, 1], {kind: 'rotated', tasks: 8, degrees: 360});
    const image = imageOf(stream, 1); // 45°
    expect(image[24]).to.equal(200);
    expect(image[25]).to.be.within(199, 201);
    expect(image[0]).to.equal(0);
  });

  it('turns all images by no angle where there is no range', () => {
    const stream = build({kind: 'rotated', tasks: 3, degrees: 0});
    expect(imageOf(stream, 2, 'test', 4)).to.deep.equal(imageOf(stream, 0, 'test', 4));
    expect(stream.tasks.every(({transform}) => transform === null)).to.equal(true);
  });

  it('moves channels with their pixel', () => {
    const stream = showing([1, 101, 2, 102, 3, 103, 4, 104], [2, 2, 2], {kind: 'rotated', tasks: 4, degrees: 360});
    expect(imageOf(stream, 1)).to.deep.equal([2, 102, 4, 104, 1, 101, 3, 103]);
  });
});
