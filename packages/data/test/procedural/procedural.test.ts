import {expect} from 'chai';
import fc from 'fast-check';
import type {Dataset} from '../../src/dataset.ts';
import {shapeContour} from '../../src/procedural/contour.ts';
import {exampleFactors, generateExamples} from '../../src/procedural/examples.ts';
import {rasteriser} from '../../src/procedural/rasterise.ts';
import {turn} from '../../src/procedural/turn.ts';
import {proceduralSource} from '../../src/sets/procedural.ts';

const ranges = {rotation: 0.05, smallestScale: 0.6, shift: 0.1};

/** Share of test images whose nearest class mean, in squared distance, is that of their class. */
function nearestMeanAccuracy({train, test, classes}: Dataset): number {
  const pixels = train.images.length / train.examples;
  const means = Array.from({length: classes.length}, () => new Float64Array(pixels));
  const perClass = train.examples / classes.length;
  train.images.forEach((v, i) => {
    means[train.labels[Math.floor(i / pixels)]!]![i % pixels]! += v / perClass;
  });
  let right = 0;
  for (let e = 0; e < test.examples; e++) {
    const image = test.images.subarray(e * pixels, (e + 1) * pixels);
    const distances = means.map((mean) => mean.reduce((sum, m, i) => sum + (m - image[i]!) ** 2, 0));
    if (distances.indexOf(Math.min(...distances)) === test.labels[e]) right++;
  }
  return right / test.examples;
}

describe('turn', () => {
  it('agrees with the platform to 1e-13', () => {
    fc.assert(
      fc.property(fc.double({min: -2, max: 2, noNaN: true}), (fraction) => {
        const [cos, sin] = turn(fraction);
        expect(cos).to.be.closeTo(Math.cos(2 * Math.PI * fraction), 1e-13);
        expect(sin).to.be.closeTo(Math.sin(2 * Math.PI * fraction), 1e-13);
      }),
    );
    expect([0, 0.25, 0.5, 0.75].flatMap(turn)).to.deep.equal([1, 0, -0, 1, -1, -0, 0, -1]);
  });
});

describe('rasteriser', () => {
  it('gives each pixel the share that is covered: worked examples', () => {
    const image = new Uint8Array(9);
    const canvas = rasteriser(3);
    canvas.fill(Float64Array.of(0.5, 1, 3, 1, 3, 2.5, 0.5, 2.5), image);
    expect([...image]).to.deep.equal([0, 0, 0, 128, 255, 255, 64, 128, 128]);
    canvas.fill(Float64Array.of(0, 0, 2, 0, 0, 2), image);
    expect([...image]).to.deep.equal([255, 128, 0, 128, 0, 0, 0, 0, 0]);
  });

  it('covers as much as the polygon has area, whichever way round', () => {
    const at = fc.double({min: 0, max: 8, noNaN: true});
    const corner = fc.tuple(at, at);
    fc.assert(
      fc.property(fc.tuple(corner, corner, corner), ([[ax, ay], [bx, by], [cx, cy]]) => {
        const area = Math.abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)) / 2;
        const image = new Uint8Array(64);
        rasteriser(8).fill(Float64Array.of(ax, ay, bx, by, cx, cy), image);
        const covered = image.reduce((sum, v) => sum + v, 0) / 255;
        expect(covered).to.be.closeTo(area, 64 * (0.5 / 255) + 1e-9);
        const reversed = new Uint8Array(64);
        rasteriser(8).fill(Float64Array.of(cx, cy, bx, by, ax, ay), reversed);
        reversed.forEach((v, i) => {
          expect(v).to.be.closeTo(image[i]!, 1);
        });
      }),
    );
  });
});

describe('procedural images', () => {
  it('are the same bytes, always and everywhere', async () => {
    const {contentHash} = await proceduralSource({classes: 3, trainPerClass: 4, testPerClass: 2}).load();
    expect(contentHash).to.equal('94cdeda5dc8355a15e7ffd52a2a355ad7c730b24f44ee26fa213488d8f4ab4b4');
  });

  it('show class k alike however many classes and examples there are', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.nat(1000), fc.integer({min: 1, max: 4}), (k, seed, perClass) => {
        const request = {...ranges, seed, split: 'train', size: 12};
        const alone = generateExamples({...request, classes: [k], perClass: 1});
        const among = generateExamples({...request, classes: [k + 1, k, k + 2], perClass});
        expect(among.images.subarray(144, 288)).to.deep.equal(alone.images);
        expect([...among.labels.subarray(0, 3)]).to.deep.equal([0, 1, 2]);
      }),
      {numRuns: 30},
    );
  });

  it('have shapes that differ between classes and seeds, centred, with radius 1', () => {
    const texts = new Set<string>();
    for (let k = 0; k < 200; k++) {
      const contour = shapeContour(k % 2, k);
      texts.add(contour.join());
      let largest = 0;
      for (let i = 0; i < contour.length; i += 2) largest = Math.max(largest, Math.hypot(contour[i]!, contour[i + 1]!));
      expect(largest).to.be.closeTo(1, 1e-12);
    }
    expect(texts.size).to.equal(200);
  });

  it('vary their factors within the ranges, and between splits', () => {
    const request = {...ranges, seed: 1, split: 'train'};
    const drawn = Array.from({length: 300}, (_, i) => exampleFactors(request, 0, i));
    for (const {rotation, scale, x, y} of drawn) {
      expect(Math.abs(rotation)).to.be.at.most(0.05);
      expect(scale).to.be.within(0.6, 1);
      for (const v of [x, y]) expect(v).to.be.within(0.4, 0.6);
    }
    expect(new Set(drawn.map((factors) => factors.scale)).size).to.equal(300);
    expect(exampleFactors({...request, split: 'test'}, 0, 0)).to.not.deep.equal(drawn[0]);
  });

  it('can be told apart: the nearest class mean is right far more often than chance', async () => {
    const dataset = await proceduralSource({trainPerClass: 100, testPerClass: 30}).load();
    expect(nearestMeanAccuracy(dataset)).to.be.above(0.4);
    expect(nearestMeanAccuracy({...dataset, test: dataset.train})).to.be.below(0.95);
  });

  it('are balanced, of the size asked for, and neither empty nor full', async () => {
    const {train, imageShape, classes} = await proceduralSource({classes: 4, trainPerClass: 5, size: 40}).load();
    expect(imageShape).to.deep.equal([40, 40, 1]);
    expect(classes).to.deep.equal(['shape 0', 'shape 1', 'shape 2', 'shape 3']);
    expect([...train.labels]).to.deep.equal(Array.from({length: 20}, (_, e) => e % 4));
    for (let e = 0; e < 20; e++) {
      const image = train.images.subarray(e * 1600, (e + 1) * 1600);
      const covered = image.reduce((sum, v) => sum + v, 0) / 255 / 1600;
      expect(covered).to.be.within(0.01, 0.7);
    }
  });
});
