import type {PureFunction, Tensors} from '@accrete/engine';
import {type HostArray, hostArray, sizeOf} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import {sideBySideKey} from './side-by-side.ts';

type Arrays = Readonly<Record<string, HostArray>>;

/** Arrays that stand side by side in one, along their last axis; single numbers stand in a row. */
interface Pack {
  readonly name: string;
  readonly members: readonly {readonly name: string; readonly shape: readonly number[]}[];
}

/** How arrays that a program carries are held in fewer ones. */
export interface Packing {
  /** The arrays as they are held. */
  pack(arrays: Arrays): Record<string, HostArray>;
  /** A function of the arrays by themselves as one of what holds them. */
  around(fn: PureFunction): PureFunction;
  /** One array out of what holds it. @param held gives an array as it is held */
  take(name: string, held: (name: string) => Promise<HostArray>): Promise<HostArray>;
}

/**
 * Holds what head segments have in common, such as their kernels, or a slot of the optimiser for these, in one array each. A program
 * pays for every array that goes in and comes out, about as much as for ten operations on a small one, and a network with a head per
 * task has several per task. Values are the same to the bit.
 */
export function packingOf(arrays: Arrays): Packing {
  const packs = packsOf(arrays);
  const places = new Map(packs.flatMap((pack) => pack.members.map(({name}, k) => [name, {pack, k}] as const)));
  return {
    pack: (given) => ({
      ...Object.fromEntries(Object.entries(given).filter(([name]) => !places.has(name))),
      ...Object.fromEntries(packs.map((pack) => [pack.name, together(pack, given)])),
    }),
    around: (fn) => (inputs, noise) => packed(packs, fn(unpacked(packs, inputs), noise)),
    take: async (name, held) => {
      const place = places.get(name);
      return place === undefined ? held(name) : memberOf(await held(place.pack.name), place.pack, place.k);
    },
  };
}

/** Arrays whose names differ in the number of their segment only, and whose shapes in the last axis. */
function packsOf(arrays: Arrays): readonly Pack[] {
  const groups = new Map<string, Pack['members'][number][]>();
  for (const [name, {shape, dtype}] of Object.entries(arrays)) {
    const key = dtype === 'float32' ? sideBySideKey(name, shape) : null;
    if (key === null) continue;
    groups.set(key, [...(groups.get(key) ?? []), {name, shape}]);
  }
  return [...groups].filter(([, {length}]) => length > 1).map(([name, members]) => ({name, members}));
}

const widthOf = (shape: readonly number[]): number => shape.at(-1) ?? 1;

/** First column of each member, and after the last the number of columns. */
function columnsOf({members}: Pack): readonly number[] {
  let width = 0;
  return [0, ...members.map(({shape}) => (width += widthOf(shape)))];
}

function together(pack: Pack, arrays: Arrays): HostArray<'float32'> {
  const columns = columnsOf(pack);
  const width = columns.at(-1)!;
  const leading = pack.members[0]!.shape.slice(0, -1);
  const all = new Float32Array(sizeOf(leading) * width);
  pack.members.forEach(({name, shape}, k) => {
    const own = widthOf(shape);
    const {data} = arrays[name]! as HostArray<'float32'>;
    for (let row = 0; row < sizeOf(leading); row++)
      all.set(data.subarray(row * own, (row + 1) * own), row * width + columns[k]!);
  });
  return hostArray(all, [...leading, width], 'float32');
}

function memberOf({data}: HostArray, pack: Pack, k: number): HostArray<'float32'> {
  const columns = columnsOf(pack);
  const width = columns.at(-1)!;
  const {shape} = pack.members[k]!;
  const own = widthOf(shape);
  const part = new Float32Array(sizeOf(shape));
  for (let row = 0; row * own < part.length; row++) {
    const from = row * width + columns[k]!;
    part.set((data as Float32Array).subarray(from, from + own), row * own);
  }
  return hostArray(part, shape, 'float32');
}

/** Inputs with the members of packs in place of these. */
function unpacked(packs: readonly Pack[], inputs: Tensors): Tensors {
  const held = new Set(packs.map(({name}) => name));
  const apart = packs.flatMap(({name, members}) => {
    const whole = inputs[name]!;
    const parts =
      members[0]!.shape.length === 0
        ? tf.unstack(whole)
        : tf.split(
            whole,
            members.map(({shape}) => widthOf(shape)),
            whole.rank - 1,
          );
    return members.map((member, k) => [member.name, parts[k]!] as const);
  });
  const others = Object.entries(inputs).filter(([name]) => !held.has(name));
  return Object.fromEntries([...others, ...apart]);
}

/** Outputs with packs in place of their members. */
function packed(packs: readonly Pack[], outputs: Tensors): Tensors {
  const within = new Set(packs.flatMap(({members}) => members.map(({name}) => name)));
  const whole = packs.map(({name, members}) => {
    const parts = members.map((member) => outputs[member.name]!);
    const {rank} = parts[0]!;
    return [name, rank === 0 ? tf.stack(parts) : tf.concat(parts, rank - 1)] as const;
  });
  const others = Object.entries(outputs).filter(([name]) => !within.has(name));
  return Object.fromEntries([...others, ...whole]);
}
