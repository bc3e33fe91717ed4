import {join} from 'node:path';
import {readmeExample, readmeExamples} from '@accrete/testing';
import {expect} from 'chai';

const folder = join(import.meta.dirname, '..');

describe('README.md', () => {
  readmeExamples(folder).forEach((code, place) => {
    it(`has an example that runs and prints what it says: ${/create\((.*?)\)/.exec(code)?.[1] ?? place}`, () => {
      const {printed, promised} = readmeExample(folder, place);
      expect(printed).to.deep.equal(promised);
      expect(printed).to.not.deep.equal([]);
    });
  });
});
