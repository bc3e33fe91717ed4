import type {EvidenceRow} from '@accrete/kit';
import {expect} from 'chai';
import {evidenceVerdicts} from '../../src/index.ts';
import {evidenceRow} from '../support/evidence-rows.ts';

/** Sufficiency of a module and a control on each seed. */
const pairs = (control: EvidenceRow['subject'], values: readonly (readonly [module: number, control: number])[]) =>
  values.flatMap(([module, other], seed) => [
    evidenceRow({seed, value: module}),
    evidenceRow({seed, value: other, subject: control}),
  ]);

describe('verdicts on evidence', () => {
  it('are means over seeds, and an exact one-sided test: five seeds ahead give p = 1/32', () => {
    const [verdict] = evidenceVerdicts(
      pairs('random', [
        [0.9, 0.5],
        [0.8, 0.5],
        [1, 0.4],
        [0.7, 0.6],
        [0.6, 0.5],
      ]),
    );
    expect(verdict).to.include({method: 'fisher', asked: 0.1, seeds: 5, routed: false});
    expect(verdict!.values.sufficiency).to.be.closeTo(0.8, 1e-12);
    const [random] = verdict!.controls;
    expect(random).to.include({subject: 'random', p: 1 / 32, beaten: true});
    expect(random!.mean).to.be.closeTo(0.5, 1e-12);
    expect(random!.gain).to.be.closeTo(0.3, 1e-12);
  });

  it('say where a control is not beaten: behind it, or ahead too rarely', () => {
    const behind = pairs(
      'magnitude',
      [0, 1, 2, 3, 4].map(() => [0.4, 0.5] as const),
    );
    expect(evidenceVerdicts(behind)[0]!.controls[0]).to.include({p: null, beaten: false});
    const once = pairs('magnitude', [
      [0.9, 0.5],
      [0.9, 0.5],
      [0.9, 0.5],
      [0.9, 0.5],
      [0.1, 0.5],
    ]);
    // Of 32 patterns, six sum to 1.2 or more: all signs plus, and each one of five turned.
    expect(evidenceVerdicts(once)[0]!.controls[0]).to.include({p: 6 / 32, beaten: false});
    const three = evidenceVerdicts(
      pairs('random', [
        [1, 0],
        [1, 0],
        [1, 0],
      ]),
    )[0]!.controls[0]!;
    expect(three).to.include({p: 1 / 8, beaten: false});
  });

  it('take a seed by its mean over tasks and draws, and leave out what has no value', () => {
    const rows = [
      evidenceRow({module: 'a', value: 1}),
      evidenceRow({module: 'b', value: 0.6}),
      evidenceRow({module: 'b', value: null, status: 'undefined', reason: 'near chance', seed: 1}),
      evidenceRow({subject: 'random', value: 0.2}),
      evidenceRow({subject: 'random', value: 0.4}),
    ];
    const [verdict] = evidenceVerdicts(rows);
    expect(verdict!.seeds).to.equal(1);
    expect(verdict!.controls[0]!.gain).to.be.closeTo(0.5, 1e-12);
  });

  it('keep densities, methods, and groups that are routed apart, and list a method with the highest density first', () => {
    const verdicts = evidenceVerdicts([
      evidenceRow({}),
      evidenceRow({asked: 0.5}),
      evidenceRow({method: 'emoe'}),
      evidenceRow({method: 'emoe', measure: 'routed-sufficiency', value: 0.25}),
      evidenceRow({method: 'emoe', measure: 'necessity', value: 0.75}),
    ]);
    expect(verdicts.map(({method, asked, routed}) => [method, asked, routed])).to.deep.equal([
      ['fisher', 0.5, false],
      ['fisher', 0.1, false],
      ['emoe', 0.1, false],
      ['emoe', 0.1, true],
    ]);
    expect(verdicts[2]!.values).to.deep.equal({sufficiency: 0.5, necessity: 0.75});
    expect(verdicts[3]!.values).to.deep.equal({'routed-sufficiency': 0.25});
  });

  it('test more than twenty seeds by means of blocks', () => {
    const many = pairs(
      'random',
      Array.from({length: 50}, () => [0.9, 0.5] as const),
    );
    expect(evidenceVerdicts(many)[0]!.controls[0]).to.include({p: 2 ** -20, beaten: true});
  });
});
