import {tableFromArrays, tableToIPC} from '@uwdata/flechette';
import {expect} from 'chai';
import fc from 'fast-check';
import {decodeOutcomes, encodeOutcomes, type Outcomes, outcomesFile, seedStream, sha256} from '../../src/index.ts';
import {thrown} from '../support/thrown.ts';

const rows = fc.nat(40).chain((n) => {
  const ints = fc.int32Array({minLength: n, maxLength: n});
  const floats = fc.float32Array({minLength: n, maxLength: n});
  return fc.record<Outcomes>({
    evalTask: ints,
    example: ints,
    label: ints,
    prediction: ints,
    score: floats,
    loss: floats,
    inferredTask: ints,
  });
});
const integers = Int32Array.of(0, 1, 2);
const some: Outcomes = {
  evalTask: integers,
  example: integers,
  label: integers,
  prediction: Int32Array.of(0, -1, 2),
  score: Float32Array.of(0.5, Number.NaN, 1),
  loss: Float32Array.of(0.25, Infinity, -0),
  inferredTask: integers,
};
const sizes = (outcomes: Outcomes) => Object.values(outcomes).map((column: ArrayLike<number>) => column.length);

/** Decodes; true where the bytes were taken. Fails for any error but ours, and for columns that do not fit together. */
function survives(bytes: Uint8Array): boolean {
  try {
    const outcomes = decodeOutcomes(bytes);
    expect(new Set(sizes(outcomes)).size, 'columns of one length').to.equal(1);
    return true;
  } catch (error) {
    expect(error).to.include({name: 'HarnessError', code: 'E_RECORD'});
    return false;
  }
}

describe('outcomes as Arrow files', () => {
  it('law: they come back to the bit, and equal outcomes give equal bytes', () => {
    fc.assert(
      fc.property(rows, fc.nat(8), (outcomes, offset) => {
        const bytes = encodeOutcomes(outcomes);
        const moved = Buffer.alloc(bytes.length + offset);
        moved.set(bytes, offset);
        const back = decodeOutcomes(moved.subarray(offset));
        for (const name of Object.keys(some) as (keyof Outcomes)[]) {
          expect(back[name].constructor).to.equal(some[name].constructor);
          expect([...back[name]], name).to.deep.equal([...outcomes[name]]);
        }
        expect(Buffer.compare(encodeOutcomes(back), bytes)).to.equal(0);
      }),
    );
  });

  it('keep NaN, infinities and -0, and hold no rows as well as some', () => {
    expect(decodeOutcomes(encodeOutcomes(some))).to.deep.equal(some);
    expect(Object.is(decodeOutcomes(encodeOutcomes(some)).loss[2], -0)).to.equal(true);
    const none = Object.fromEntries(Object.entries(some).map(([name, column]) => [name, column.slice(0, 0)]));
    expect(decodeOutcomes(encodeOutcomes(none as unknown as Outcomes))).to.deep.equal(none);
  });

  it('refuse a missing column, columns of another type or order, and holes', () => {
    const encode = (table: object): Uint8Array => tableToIPC(tableFromArrays({...table}), {format: 'file'})!;
    expect(decodeOutcomes(encode(some))).to.deep.equal(some);
    const {loss, ...without} = some;
    const foreign = [
      without,
      {loss, ...without},
      {...some, more: integers},
      {...some, label: Float32Array.of(1, 2, 3)},
      {...some, label: [1, null, 3]},
    ];
    for (const table of foreign) {
      expect(thrown(() => decodeOutcomes(encode(table), 'a.arrow')).message).to.match(
        /E_RECORD: a\.arrow is no Arrow file of outcomes \(evalTask, .*\).*Resume the run/,
      );
    }
  });

  it('keep their layout from version to version, as a reader takes no other', () => {
    expect(sha256(encodeOutcomes(some))).to.equal('c5b6d17daf5f3bb6e1509f6bc753eac8735b6df52fbb9a4c16fb2422c558a74b');
  });

  it('refuse columns of several lengths when they are written', () => {
    expect(thrown(() => encodeOutcomes({...some, label: Int32Array.of(1)})).message).to.match(
      /E_SHAPE: .*one length.*label 1/,
    );
  });

  it('refuse garbage, nothing, and truncations', () => {
    const bytes = encodeOutcomes(some);
    for (const garbage of [new Uint8Array(0), new TextEncoder().encode('not arrow'), new Uint8Array(1000)]) {
      expect(thrown(() => decodeOutcomes(garbage, 'a.arrow')).message).to.match(
        /E_RECORD: a\.arrow is no Arrow file of outcomes/,
      );
    }
    for (let length = 0; length < bytes.length; length += length < bytes.length - 20 ? 9 : 1) {
      expect(survives(bytes.slice(0, length)), `first ${length} bytes`).to.equal(false);
    }
  });

  it('never crash the reader: 300 random mutations are read or refused', () => {
    const bytes = encodeOutcomes(some);
    const draw = seedStream(3, 'mutations');
    let refused = 0;
    for (let i = 0; i < 300; i++) {
      const mutated = bytes.slice();
      for (let changes = 1 + draw.integer(4); changes > 0; changes--) {
        mutated[draw.integer(mutated.length)] = draw.integer(256);
      }
      if (!survives(mutated)) refused++;
    }
    expect(refused).to.be.greaterThan(20);
  });

  it('are named by the task after which they were taken', () => {
    expect([-1, 0, 12, 1234].map(outcomesFile)).to.deep.equal([
      'before.arrow',
      'after-000.arrow',
      'after-012.arrow',
      'after-1234.arrow',
    ]);
  });
});
