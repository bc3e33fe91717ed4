import {define} from '@accrete/kit';
import {canonicalAddress} from '../source/canonical-address.ts';
import type {FileSet} from '../source/file-set.ts';
import {systemFolder} from '../source/system-folder.ts';
import type {DatasetSource} from './dataset-source.ts';
import {fileOptions, fileSource} from './file-source.ts';
import {type Checksum, decodeIdxFiles, gzippedIdxFiles, type IdxRole, publishedIdx} from './idx-set.ts';

const cite = 'Clanuwat et al. 2018, Deep learning for classical Japanese literature';
const url = 'https://arxiv.org/abs/1812.01718';
const imageShape = [28, 28, 1] as const;
const classes = ['o', 'ki', 'su', 'tsu', 'na', 'ha', 'ma', 'ya', 're', 'wo'];

const checksums: Readonly<Record<IdxRole, Checksum>> = {
  trainImages: {
    sizeBytes: 18_165_135,
    sha256: '51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4',
  },
  trainLabels: {sizeBytes: 29_497, sha256: 'e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17'},
  testImages: {sizeBytes: 3_041_136, sha256: 'edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5'},
  testLabels: {sizeBytes: 5120, sha256: '20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c'},
};

const files = gzippedIdxFiles(checksums);

const set: FileSet = {
  kind: 'kmnist',
  imageShape,
  classes,
  examples: {train: 60_000, test: 10_000},
  licence: 'CC BY-SA 4.0',
  cite,
  url,
  notes: [],
  files: Object.values(files),
  providers: [
    systemFolder('/usr/share/datasets/kmnist'),
    canonicalAddress(publishedIdx('https://codh.rois.ac.jp/kmnist/dataset/kmnist/', files, checksums)),
  ],
  decode: (found) => decodeIdxFiles(found, files, {name: 'kmnist', imageShape, classes: classes.length}),
};

/** Kuzushiji-MNIST: 60,000 + 10,000 grey images of cursive Japanese characters in 10 classes, 28 x 28. */
export const kmnist = define({
  kind: 'kmnist',
  options: fileOptions,
  summary: '60,000 + 10,000 grey images of cursive Japanese characters, 28 x 28, 10 classes',
  source: {cite, url},
  create: (options): DatasetSource => fileSource(set, options),
});
