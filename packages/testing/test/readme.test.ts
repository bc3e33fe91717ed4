import {join} from 'node:path';
import {expect} from 'chai';
import {readmeExample} from '../src/index.ts';

describe('README.md', () => {
  it('has an example that runs and prints what it says', () => {
    const {printed, promised} = readmeExample(join(import.meta.dirname, '..'));
    expect(printed).to.deep.equal(promised);
    expect(printed).to.not.deep.equal([]);
  });
});
