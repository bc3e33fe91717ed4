import type {Graph} from '../graph.ts';
import {blockLimits, inBlocks} from './blocks.ts';
import {commonFactors, commonFactorsOfDifferences, factorsIntoExponents} from './common-factors.ts';
import {factorsOfElements, factorsOfShapes, factorsOfSums, joinedFactors, quotients, signs} from './factors.ts';
import {gelu, logSoftmax, reluGradient} from './functions.ts';
import {pooledProducts} from './pools.ts';
import {columnsOfProducts, factorsOfOperands, factorsOfUsers, sumsWithProducts} from './products.ts';
import {elementsOfRepeats, gradientsOfRepeats, productsOfRepeats, sumsOfRepeats} from './repeats.ts';
import {type Rule, rewrite} from './rewrite.ts';
import {rowSumsOfProducts, sumsOfRows, sumsOfSums} from './sums.ts';
import {wholes} from './wholes.ts';

const rules: readonly Rule[] = [
  wholes,
  logSoftmax,
  gelu,
  reluGradient,
  quotients,
  sumsOfSums,
  rowSumsOfProducts,
  pooledProducts,
  productsOfRepeats,
  gradientsOfRepeats,
  sumsOfRepeats,
  sumsWithProducts,
  commonFactors,
  commonFactorsOfDifferences,
  factorsIntoExponents,
  joinedFactors,
  factorsOfOperands,
  factorsOfUsers,
  columnsOfProducts,
  factorsOfElements,
  factorsOfSums,
  factorsOfShapes,
  signs,
  elementsOfRepeats,
];

/** The same graph with less work in it, for a number of threads. Values may differ in their last bits. */
export function lean(graph: Graph, threads = 1): Graph {
  return rewrite(inBlocks(simplified(graph), blockLimits(threads)), [sumsOfRows]);
}

/** The same graph after all rules that make it simpler. */
export function simplified(graph: Graph): Graph {
  return rewrite(graph, rules);
}
