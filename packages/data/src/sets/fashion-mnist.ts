import {define} from '@accrete/kit';
import {canonicalAddress} from '../source/canonical-address.ts';
import {debianPackage} from '../source/debian-package.ts';
import type {FileSet} from '../source/file-set.ts';
import {systemFolder} from '../source/system-folder.ts';
import type {DatasetSource} from './dataset-source.ts';
import {fileOptions, fileSource} from './file-source.ts';
import {decodeIdxFiles, idxFiles, publishedIdx} from './idx-set.ts';

const SYSTEM_FOLDER = '/usr/share/datasets/fashion-mnist';
const cite = 'Xiao, Rasul and Vollgraf 2017, Fashion-MNIST: a novel image dataset for benchmarking machine learning';
const url = 'https://arxiv.org/abs/1708.07747';
const imageShape = [28, 28, 1] as const;
const classes = [
  'T-shirt/top',
  'trouser',
  'pullover',
  'dress',
  'coat',
  'sandal',
  'shirt',
  'sneaker',
  'bag',
  'ankle boot',
];

const files = idxFiles({
  trainImages: 'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
  trainLabels: 'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
  testImages: '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
  testLabels: '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
});

const published = publishedIdx('https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/', files, {
  trainImages: {
    sizeBytes: 26_421_880,
    sha256: '3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84',
  },
  trainLabels: {sizeBytes: 29_515, sha256: 'a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845'},
  testImages: {sizeBytes: 4_422_102, sha256: '346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073'},
  testLabels: {sizeBytes: 5148, sha256: '67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5'},
});

const set: FileSet = {
  kind: 'fashion-mnist',
  imageShape,
  classes,
  examples: {train: 60_000, test: 10_000},
  licence: 'MIT',
  cite,
  url,
  notes: [],
  files: Object.values(files),
  providers: [
    systemFolder(SYSTEM_FOLDER),
    canonicalAddress(published),
    debianPackage({package: 'dataset-fashion-mnist', folder: SYSTEM_FOLDER}),
  ],
  decode: (found) => decodeIdxFiles(found, files, {name: 'fashion-mnist', imageShape, classes: classes.length}),
};

/** Fashion-MNIST: 60,000 + 10,000 grey images of clothing in 10 classes, 28 x 28. */
export const fashionMnist = define({
  kind: 'fashion-mnist',
  options: fileOptions,
  summary: '60,000 + 10,000 grey images of clothing, 28 x 28, 10 classes',
  source: {cite, url},
  create: (options): DatasetSource => fileSource(set, options),
});
