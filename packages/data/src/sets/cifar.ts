import {define} from '@accrete/kit';
import {type CifarKind, concatSplits, decodeCifar} from '../decode/cifar.ts';
import {gunzip} from '../decode/gunzip.ts';
import {tarMembers} from '../decode/tar.ts';
import {canonicalAddress} from '../source/canonical-address.ts';
import type {FileSet, Files, StoredFile} from '../source/file-set.ts';
import {systemFolder} from '../source/system-folder.ts';
import {CIFAR_10_CLASSES, CIFAR_100_CLASSES} from './cifar-classes.ts';
import type {DatasetSource} from './dataset-source.ts';
import {fileOptions, fileSource} from './file-source.ts';

const cite = 'Krizhevsky 2009, Learning multiple layers of features from tiny images';
const url = 'https://www.cs.toronto.edu/~kriz/cifar.html';
/** The archives hold 60,000 records and a few small texts. */
const ARCHIVE_BYTES = 200e6;

interface CifarSpec {
  readonly kind: CifarKind;
  readonly classes: readonly string[];
  readonly archive: {readonly name: string; readonly sizeBytes: number; readonly sha256: string};
  /** The folder inside the archive. */
  readonly folder: string;
  readonly train: readonly StoredFile[];
  readonly test: readonly StoredFile[];
}

function cifarSet({kind, classes, archive, folder, train, test}: CifarSpec): FileSet {
  const files = [...train, ...test];
  const published = {
    url: `https://www.cs.toronto.edu/~kriz/${archive.name}`,
    ...archive,
    brings: files,
    unpack: async (bytes: Uint8Array): Promise<Files> => {
      const names = files.map((file) => `${folder}/${file.name}`);
      const members = tarMembers(await gunzip(bytes, ARCHIVE_BYTES), names);
      return new Map(files.map((file) => [file.name, members.get(`${folder}/${file.name}`)!]));
    },
  };
  const decode = (found: Files, wanted: readonly StoredFile[]) =>
    concatSplits(wanted.map((file) => decodeCifar(found.get(file.name)!, kind)));
  return {
    kind,
    imageShape: [32, 32, 3],
    classes,
    examples: {train: 50_000, test: 10_000},
    licence: 'none stated by the authors; they ask to cite the report',
    cite,
    url,
    notes: [],
    files,
    providers: [systemFolder(`/usr/share/datasets/${kind}`), canonicalAddress([published])],
    decode: async (found) => ({train: decode(found, train), test: decode(found, test)}),
  };
}

const batch = (name: string, sha256: string): StoredFile => ({name, sizeBytes: 10_000 * 3073, sha256});

const cifar10Set = cifarSet({
  kind: 'cifar-10',
  classes: CIFAR_10_CLASSES,
  archive: {
    name: 'cifar-10-binary.tar.gz',
    sizeBytes: 170_052_171,
    sha256: 'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd',
  },
  folder: 'cifar-10-batches-bin',
  train: [
    batch('data_batch_1.bin', 'cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5'),
    batch('data_batch_2.bin', 'a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed'),
    batch('data_batch_3.bin', 'bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67'),
    batch('data_batch_4.bin', '014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48'),
    batch('data_batch_5.bin', '755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add'),
  ],
  test: [batch('test_batch.bin', '8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b')],
});

const cifar100Set = cifarSet({
  kind: 'cifar-100',
  classes: CIFAR_100_CLASSES,
  archive: {
    name: 'cifar-100-binary.tar.gz',
    sizeBytes: 168_513_733,
    sha256: '58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec',
  },
  folder: 'cifar-100-binary',
  train: [
    {
      name: 'train.bin',
      sizeBytes: 50_000 * 3074,
      sha256: 'f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29',
    },
  ],
  test: [
    {
      name: 'test.bin',
      sizeBytes: 10_000 * 3074,
      sha256: 'd8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a',
    },
  ],
});

/** CIFAR-10: 50,000 + 10,000 colour photographs in 10 classes, 32 x 32. */
export const cifar10 = define({
  kind: 'cifar-10',
  options: fileOptions,
  summary: '50,000 + 10,000 colour photographs, 32 x 32, 10 classes',
  source: {cite, url},
  create: (options): DatasetSource => fileSource(cifar10Set, options),
});

/** CIFAR-100: 50,000 + 10,000 colour photographs in 100 (fine) classes, 32 x 32. */
export const cifar100 = define({
  kind: 'cifar-100',
  options: fileOptions,
  summary: '50,000 + 10,000 colour photographs, 32 x 32, 100 classes',
  source: {cite, url},
  create: (options): DatasetSource => fileSource(cifar100Set, options),
});
