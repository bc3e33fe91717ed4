import {expect} from 'chai';
import {digitsToIdx} from '../../src/decode/digits.ts';
import {decodeIdx} from '../../src/decode/idx.ts';
import {dataErrorOf} from '../support/rejection.ts';

/** `count` images; all pixels of image i of a digit have byte value 10 digit + i. */
const text = (digit: number, count: number): string =>
  JSON.stringify({
    data: Array.from({length: count * 784}, (_, p) => Number(((10 * digit + Math.floor(p / 784)) / 255).toFixed(3))),
  });

describe('digitsToIdx', () => {
  it('puts every fifth image of a digit into the test split and gives the bytes back exactly', () => {
    const files = digitsToIdx([text(0, 6), text(1, 4)]);
    const labels = decodeIdx(files.trainLabels);
    const images = decodeIdx(files.trainImages);
    const testLabels = decodeIdx(files.testLabels);
    if (labels.holds !== 'labels' || images.holds !== 'images' || testLabels.holds !== 'labels') expect.fail();
    expect([...labels.labels]).to.deep.equal([0, 1, 0, 1, 0, 1, 0, 1, 0]);
    const first = Array.from({length: 9}, (_, e) => images.pixels[e * 784]);
    expect(first).to.deep.equal([0, 10, 1, 11, 2, 12, 3, 13, 5]);
    expect([...testLabels.labels]).to.deep.equal([0]);
  });

  it('gives every byte value back', () => {
    const data = Array.from({length: 784}, (_, i) => Number(((i % 256) / 255).toFixed(3)));
    const images = decodeIdx(digitsToIdx([JSON.stringify({data: new Array(5).fill(data).flat()})]).testImages);
    if (images.holds !== 'images') expect.fail();
    expect([...images.pixels]).to.deep.equal(Array.from({length: 784}, (_, i) => i % 256));
  });

  it('refuses other texts', async () => {
    const refused = async (bad: string) => (await dataErrorOf(() => digitsToIdx([text(0, 5), bad]))).message;
    expect(await refused('{')).to.contain('digit 1: expected JSON');
    expect(await refused('null')).to.contain('whole images of 784 numbers, got undefined');
    expect(await refused('{"data": [1, 2]}')).to.contain('got 2 numbers');
    expect(await refused(text(1, 5).replace('0.039', '1.5'))).to.contain('from 0 to 1, got 1.5 at place 0');
  });
});
