import {define} from '@accrete/kit';
import {canonicalAddress} from '../source/canonical-address.ts';
import type {FileSet} from '../source/file-set.ts';
import {systemFolder} from '../source/system-folder.ts';
import type {DatasetSource} from './dataset-source.ts';
import {fileOptions, fileSource} from './file-source.ts';
import {decodeIdxFiles, idxFiles, publishedIdx} from './idx-set.ts';

const cite = 'LeCun, Bottou, Bengio and Haffner 1998, Gradient-based learning applied to document recognition';
const url = 'https://doi.org/10.1109/5.726791';
const imageShape = [28, 28, 1] as const;
const classes = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

const files = idxFiles({
  trainImages: 'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
  trainLabels: '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
  testImages: '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
  testLabels: 'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
});

const published = publishedIdx('https://storage.googleapis.com/cvdf-datasets/mnist/', files, {
  trainImages: {sizeBytes: 9_912_422, sha256: '440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609'},
  trainLabels: {sizeBytes: 28_881, sha256: '3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c'},
  testImages: {sizeBytes: 1_648_877, sha256: '8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6'},
  testLabels: {sizeBytes: 4542, sha256: 'f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6'},
});

const set: FileSet = {
  kind: 'mnist',
  imageShape,
  classes,
  examples: {train: 60_000, test: 10_000},
  licence: 'CC BY-SA 3.0',
  cite,
  url,
  notes: [],
  files: Object.values(files),
  providers: [systemFolder('/usr/share/datasets/mnist'), canonicalAddress(published)],
  decode: (found) => decodeIdxFiles(found, files, {name: 'mnist', imageShape, classes: classes.length}),
};

/** MNIST: 60,000 + 10,000 grey images of handwritten digits, 28 x 28. */
export const mnist = define({
  kind: 'mnist',
  options: fileOptions,
  summary: '60,000 + 10,000 grey images of handwritten digits, 28 x 28, 10 classes',
  source: {cite, url},
  create: (options): DatasetSource => fileSource(set, options),
});
