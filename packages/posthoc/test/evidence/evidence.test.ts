import {type EvidenceRow, seedStream} from '@accrete/kit';
import {expect} from 'chai';
import {
  decodeEvidence,
  encodeEvidence,
  expertRows,
  extractors,
  judge,
  magnitudeLike,
  overlapRows,
  planSize,
  randomLike,
  stabilityRows,
  supportOf,
} from '../../src/index.ts';
import {useEngine} from '../support/engine.ts';
import {type Modular, modularByConstruction} from '../support/modular.ts';
import {refusalOf} from '../support/refusal.ts';
import {freshNetwork, pictures, taskOf, trainedSubject} from '../support/subjects.ts';

const values = (rows: readonly EvidenceRow[], measure: string, subject = 'module'): number[] =>
  rows.flatMap((row) => (row.measure === measure && row.subject === subject && row.value !== null ? [row.value] : []));

describe('judge', () => {
  const engine = useEngine();
  let modular: Modular;
  before(async () => {
    modular = await modularByConstruction(engine(), 1);
  });
  const judged = (plans = modular.plans, more: object = {}) =>
    judge({
      engine: engine(),
      network: modular.network,
      candidates: plans.map((plan, t) => ({plan, test: modular.test[t]!})),
      seeds: seedStream(1),
      ...more,
    });

  it('gives a network that is modular by construction at least 0.95 on every measure (positive control)', async () => {
    const rows = await judged();
    for (const measure of [
      'sufficiency',
      'necessity',
      'exclusivity',
      'selectivity',
      'exclusive-part-necessity',
      'composability',
    ]) {
      const found = values(rows, measure);
      expect(found, measure).to.have.length(measure === 'composability' ? 1 : 2);
      for (const value of found) expect(value, measure).to.be.at.least(0.95);
    }
  });

  it("gives the same modules under the other task's name nothing (negative control)", async () => {
    const rows = await judged();
    for (const measure of ['sufficiency', 'necessity', 'selectivity'])
      for (const value of values(rows, measure, 'shuffled-tasks')) expect(value, measure).to.be.at.most(0.2);
    const swapped = await judged([...modular.plans].reverse());
    for (const measure of ['sufficiency', 'necessity', 'selectivity'])
      for (const value of values(swapped, measure)) expect(value, `swapped ${measure}`).to.be.at.most(0.2);
    for (const value of values(swapped, 'exclusivity')) expect(value).to.be.at.most(0.2);
  });

  it('gives random masks of equal density per layer less', async () => {
    const rows = await judged(modular.plans, {randomDraws: 3});
    expect(values(rows, 'sufficiency', 'random')).to.have.length(6);
    const mean = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
    expect(mean(values(rows, 'sufficiency', 'random'))).to.be.below(0.8);
    expect(mean(values(rows, 'selectivity', 'random'))).to.be.below(0.3);
  });

  it('normalises by hand, and leaves tasks undefined that the full network does not do', async () => {
    const rows = await judged();
    const accuracy = (subject: string, against: string): number =>
      rows.find(
        (row) =>
          row.measure === 'accuracy' && row.subject === subject && row.against === against && row.module === 'task 0',
      )!.value!;
    const [full, kept] = [accuracy('full', 'task 0'), accuracy('module', 'task 0')];
    expect(values(rows, 'sufficiency')[0]).to.be.closeTo((kept - 0.5) / (full - 0.5), 1e-12);
    const untrained = freshNetwork(4, [16], 3);
    const plan = await extractors
      .create({kind: 'random', density: 0.5})
      .analyse(untrained, modular.train[0]!, {engine: engine(), seeds: seedStream(1)});
    const nothing = await judge({
      engine: engine(),
      network: untrained,
      candidates: [{plan, test: {...modular.test[0]!, among: 'all'}}],
      seeds: seedStream(1),
    });
    const row = nothing.find(({measure}) => measure === 'sufficiency')!;
    expect([row.status, row.value]).to.deep.equal(['undefined', null]);
    expect(row.reason).to.contain('within 0.1 of chance');
  });

  it('says why a module that changes weights has no necessity, and judges masks of an untrained network', async () => {
    const delta = await extractors
      .create({kind: 'lt-sft', density: 0.1, steps: 5})
      .analyse(modular.network, modular.train[0]!, {engine: engine(), seeds: seedStream(1)});
    const rows = await judged([delta, modular.plans[1]!]);
    const row = rows.find(({measure, method}) => measure === 'necessity' && method === 'lt-sft')!;
    expect(row.reason).to.contain('changes weights');
    const fresh = freshNetwork(4, [16], 9);
    const context = {engine: engine(), seeds: seedStream(1)};
    const found = await Promise.all(
      modular.train.map((data) => extractors.create({kind: 'random', density: 0.5}).analyse(fresh, data, context)),
    );
    const control = await judged(modular.plans, {untrained: {network: fresh, plans: found}});
    expect(values(control, 'sufficiency', 'untrained')).to.have.length(2);
    expect(
      (
        await refusalOf('E_COMBINATION', () =>
          judged(modular.plans, {untrained: {network: fresh, plans: found.slice(1)}}),
        )
      ).message,
    ).to.contain('1 untrained plans for 2');
  });

  it('writes rows that read back, and refuses lines that are none', async () => {
    const rows = await judged();
    expect(decodeEvidence(encodeEvidence(rows))).to.deep.equal(rows);
    const torn = encodeEvidence(rows).slice(0, -20);
    expect((await refusalOf('E_RECORD', () => decodeEvidence(torn))).message).to.contain(
      `line ${rows.length} is no row`,
    );
    const strange = encodeEvidence(rows).replace('"density"', '"extra":1,"density"');
    await refusalOf('E_RECORD', () => decodeEvidence(strange));
  });
});

describe('controls', () => {
  const engine = useEngine();
  it('have as many weights as the plan in every layer', async () => {
    const network = freshNetwork(4, [8], 1);
    const plan = await extractors
      .create({kind: 'random', density: 0.3})
      .analyse(network, taskOf('all', [0, 1, 2, 3], pictures(4, 1, 'test')), {engine: engine(), seeds: seedStream(1)});
    for (const control of [randomLike(plan, seedStream(2)), magnitudeLike(network, plan)]) {
      for (const path of Object.keys(plan.parts)) {
        const count = (of: typeof plan): number => supportOf(of, path).data.reduce((sum, bit) => sum + bit, 0);
        expect(count(control), path).to.equal(count(plan));
      }
      expect(planSize(control).kept).to.equal(planSize(plan).kept);
    }
  });
});

describe('overlaps, stability and experts', () => {
  const engine = useEngine();

  it('tell the same task with another mask seed from other tasks', async () => {
    const {network, train} = await trainedSubject(engine(), 2, 2);
    const find = (t: number, seed: number) =>
      extractors
        .create({
          kind: 'gumbel-sigmoid',
          density: 0.2,
          steps: 200,
          batchSize: 32,
          draws: 1,
          optimizer: {kind: 'adam', learningRate: 0.05},
        })
        .analyse(network, train[t]!, {engine: engine(), seeds: seedStream(seed, t)});
    const [a, again, b] = [await find(0, 1), await find(0, 2), await find(1, 1)];
    const stability = stabilityRows('task 0', [a, again]);
    const across = overlapRows([
      {name: 'task 0', plan: a},
      {name: 'task 1', plan: b},
    ]);
    expect(stability.map(({layer}) => layer)).to.deep.equal(Object.keys(a.parts));
    expect(across).to.have.length(3 * Object.keys(a.parts).length);
    const mean = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
    expect(mean(values(stability, 'stability-corrected'))).to.be.above(mean(values(across, 'overlap-corrected')));
  });

  it('give every expert its share of what each class lights up; shares add up to 1', async () => {
    const {network, test} = await trainedSubject(engine(), 2, 2);
    const plan = await extractors
      .create({kind: 'emoe', groups: 4})
      .analyse(network, test[0]!, {engine: engine(), seeds: seedStream(1)});
    const rows = await expertRows(engine(), network, plan, test[0]!);
    expect(rows).to.have.length(2 * 4 * 2);
    const sums = new Map<string, number>();
    for (const {layer, against, value} of rows)
      sums.set(`${layer} ${against}`, (sums.get(`${layer} ${against}`) ?? 0) + value!);
    for (const sum of sums.values()) expect(sum).to.be.closeTo(1, 1e-9);
  });
});
