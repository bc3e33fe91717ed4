import {mean} from './moments.ts';

/** Ranks of values, 1 for the highest; equal values share the mean of their ranks. */
export function ranks(values: readonly number[]): number[] {
  return values.map((value) => {
    const above = values.filter((other) => other > value).length;
    const equal = values.filter((other) => other === value).length;
    return above + (equal + 1) / 2;
  });
}

/**
 * The mean rank of each candidate over blocks (seeds, or streams): 1 for one that is the highest in every block.
 *
 * @param blocks one list per block, with one value per candidate.
 *
 * Source: Demšar 2006, https://www.jmlr.org/papers/v7/demsar06a.html, section 3.2.2.
 */
export function averageRanks(blocks: readonly (readonly number[])[]): number[] {
  const ranked = blocks.map(ranks);
  return (blocks[0] ?? []).map((_, candidate) => mean(ranked.map((block) => block[candidate]!)));
}
