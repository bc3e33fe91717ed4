import {expect} from 'chai';
import {evidenceFigures} from '../../src/charts/evidence-figures.ts';
import {draw} from '../support/draw.ts';
import {evidenceRow, manyRows} from '../support/evidence-rows.ts';

const figuresOf = (rows = manyRows()) => evidenceFigures([{name: 'suite', path: '/suite', rows}]);
const named = (id: string, rows = manyRows()) => figuresOf(rows).find((figure) => figure.id === id)!;

/** The values of a panel's data, in the order of its chart. */
function valuesOf(spec: unknown): readonly Record<string, unknown>[] {
  return (spec as {data: {values: readonly Record<string, unknown>[]}}).data.values;
}

describe('figures of evidence', () => {
  it('are drawn, every panel of them', async () => {
    const all = figuresOf();
    expect(all.map(({id}) => id)).to.deep.equal([
      'evidence-density',
      'evidence-ablation',
      'evidence-overlap',
      'evidence-experts',
    ]);
    for (const {panels} of all)
      for (const {spec, description} of panels) {
        expect(await draw(spec)).to.contain('<svg');
        expect(description.length).to.be.above(20);
      }
  });

  it('density: a point per subject and density, mean over seeds and tasks', () => {
    const [panel, other] = named('evidence-density').panels;
    expect([panel!.title, other!.title]).to.deep.equal(['fisher', 'wanda']);
    const values = valuesOf(panel!.spec);
    expect(values).to.have.length(6);
    expect(values).to.deep.include({subject: 'magnitude', density: 0.1, value: 0.6, n: 2});
    const two = [evidenceRow({value: 1}), evidenceRow({value: 0.5, module: 'other', seed: 1})];
    expect(valuesOf(named('evidence-density', two).panels[0]!.spec)).to.deep.equal([
      {subject: 'module', density: 0.1, value: 0.75, n: 2},
    ]);
  });

  it('ablation: the full network, each module alone, and what is left without it, at one density', () => {
    const [panel] = named('evidence-ablation').panels;
    expect(panel!.title).to.equal('fisher, 10 %');
    const cells = valuesOf(panel!.spec).map(({x, y, value}) => [y, x, value]);
    expect(cells).to.have.length(10);
    expect(cells).to.deep.include.members([
      ['full network', 'digits', 0.95],
      ['only digits', 'fashion', 0.2],
      ['without digits', 'digits', 0.15],
      ['without digits', 'fashion', 0.85],
    ]);
  });

  it('overlap: pairs of modules, and a module with itself under another seed, by method and layer', () => {
    const {panels} = named('evidence-overlap');
    expect(panels.map(({title}) => title)).to.include.members(['digits and fashion', 'digits and itself, other seed']);
    expect(valuesOf(panels[0]!.spec)[0]).to.include({y: 'fisher', x: 'layer0', value: 0.1, n: 2});
  });

  it('are left out where there is nothing to draw', () => {
    expect(figuresOf([]).map(({id}) => id)).to.deep.equal([]);
    expect(figuresOf([evidenceRow({value: null, status: 'undefined', reason: 'x'})])).to.deep.equal([]);
    expect(figuresOf([evidenceRow({})]).map(({id}) => id)).to.deep.equal(['evidence-density']);
  });
});
