import type {Graph} from '../graph.ts';
import {blockLimits, inBlocks} from './blocks.ts';
import {affineOperands, affineShapes, columnsOfProducts} from './columns.ts';
import {commonFactors, commonFactorsOfDifferences, factorsIntoExponents} from './common-factors.ts';
import {factorsOfElements, factorsOfShapes, factorsOfSums, joinedFactors, quotients, signs} from './factors.ts';
import {gelu, logSoftmax, reluGradient} from './functions.ts';
import {inLanes, type Lanes} from './lanes.ts';
import {gradientsOfNorms, normedRows, plainNorms} from './norms.ts';
import {pooledProducts} from './pools.ts';
import {factorsOfOperands, factorsOfUsers, sumsWithProducts} from './products.ts';
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
  plainNorms,
  normedRows,
  gradientsOfNorms,
  affineShapes,
  affineOperands,
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

/** What is done once the rest is: a rule that only changes how a sum is computed. */
const LAST: readonly Rule[] = [sumsOfRows];

/** The same graph with less work in it, for a number of threads. Values may differ in their last bits. */
export function lean(graph: Graph, threads = 1): Graph {
  return blocked(simplified(graph), threads);
}

/** The same graph after all rules that make it simpler. */
export function simplified(graph: Graph): Graph {
  return rewrite(graph, rules);
}

/** A simplified graph, its batch in blocks where that is faster. */
export function blocked(graph: Graph, threads: number): Graph {
  return rewrite(inBlocks(graph, blockLimits(threads)), LAST);
}

/** A simplified graph in lanes, one for each thread, where it can be cut into blocks; undefined where it cannot. */
export function laned(graph: Graph, threads: number): Lanes | undefined {
  const lanes = threads > 1 ? inLanes(graph, blockLimits(1), threads) : undefined;
  return lanes && {...lanes, lane: rewrite(lanes.lane, LAST), rest: rewrite(lanes.rest, LAST)};
}
