export {defaultCacheFolder} from './cache/folder.ts';
export {datasetHash} from './content-hash.ts';
export type {Dataset, Split} from './dataset.ts';
export {type CifarKind, decodeCifar} from './decode/cifar.ts';
export {gunzip} from './decode/gunzip.ts';
export {decodeIdx, encodeIdx, type IdxImages, type IdxLabels} from './decode/idx.ts';
export {type Contour, shapeContour} from './procedural/contour.ts';
export {
  type ExampleRequest,
  exampleFactors,
  type FactorRanges,
  type Factors,
  generateExamples,
} from './procedural/examples.ts';
export type {CacheState, DatasetInfo, DatasetSource} from './sets/dataset-source.ts';
export type {Fallback} from './sets/file-source.ts';
export {type ProceduralOptions, proceduralSource} from './sets/procedural.ts';
export {type DatasetListing, datasets, listDatasets} from './sets/registry.ts';
export type {LoadContext} from './source/context.ts';
export type {Attempt} from './source/load.ts';
export {type Standardisation, standardisation} from './statistics/standardisation.ts';
