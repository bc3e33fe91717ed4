import {join} from 'node:path';
import {readmeExample} from '@accrete/testing';
import {expect} from 'chai';

describe('README.md', function () {
  this.timeout(60_000);
  for (const [name, folder] of [
    ['of this package', join(import.meta.dirname, '..')],
    ['of the workspace', join(import.meta.dirname, '../../..')],
  ] as const) {
    it(`${name} has an example that runs and prints what it says`, () => {
      const {printed, promised} = readmeExample(folder);
      expect(promised).to.not.deep.equal([]);
      expect(printed).to.deep.equal(promised);
    });
  }
});
