import {expect} from 'chai';
import {defineExperiment, runName} from '../../src/index.ts';
import {refusalOf} from '../support/refusal.ts';

const stream = {kind: 'split-classes', dataset: {kind: 'procedural', classes: 6}, tasks: 3};
const experiment = {
  name: 'test',
  seeds: [0, 1],
  scenarios: ['task-incremental', 'class-incremental'],
  variants: [{label: 'plain'}, {label: 'ewc', strategy: [{kind: 'ewc', strength: 10}]}],
  stream,
};

describe('an experiment', () => {
  it('runs every variant on each of several streams, and says on which one it cannot', () => {
    const two = [stream, {...stream, tasks: 2}];
    const {runs} = defineExperiment({...experiment, stream: two});
    const one = defineExperiment(experiment).runs;
    expect(runs.length).to.equal(2 * one.length);
    expect(runs.slice(0, one.length)).to.deep.equal(one);
    expect(new Set(runs.map(runName)).size).to.equal(runs.length);
    expect(() => defineExperiment({...experiment, stream: [stream, {...stream, tasks: 4}]})).to.throw(
      /variant "plain", task-incremental, stream 2 \(split-classes\): /,
    );
  });

  it('runs a stream in the scenarios that are listed with it, and in all where none is', () => {
    const permuted = {...stream, kind: 'permuted'};
    const placed = [stream, {stream: permuted, scenarios: ['task-incremental']}];
    const {runs} = defineExperiment({...experiment, stream: placed});
    const places = [...new Set(runs.map(({stream: {kind}, scenario}) => `${kind} ${scenario}`))];
    expect(places).to.deep.equal([
      'split-classes task-incremental',
      'split-classes class-incremental',
      'permuted task-incremental',
    ]);
    expect(() => defineExperiment({...experiment, stream: [stream, permuted]})).to.throw(
      /variant "plain", class-incremental, stream 2 \(permuted\): /,
    );
  });

  it('is every scenario, variant and seed, in that order', () => {
    const {runs} = defineExperiment(experiment);
    const names = runs.map(({scenario, label, seed}) => `${scenario[0]} ${label} ${seed}`);
    expect(names).to.deep.equal([
      't plain 0',
      't plain 1',
      't ewc 0',
      't ewc 1',
      'c plain 0',
      'c plain 1',
      'c ewc 0',
      'c ewc 1',
    ]);
    expect(new Set(runs.map(runName)).size).to.equal(8);
  });

  it('lets a variant differ by path, choose its scenarios, and be overridden from outside', () => {
    const variants = [{label: 'a', set: {'train.epochs': 7, 'network.hidden': [5]}, scenarios: ['class-incremental']}];
    const [first] = defineExperiment({...experiment, variants}).runs;
    expect(first).to.deep.include({scenario: 'class-incremental'});
    expect(first!.train.epochs).to.equal(7);
    expect(first!.network['hidden']).to.deep.equal([5]);
    const changed = defineExperiment(experiment, {'train.batchSize': 3, 'train.epochs': 2});
    expect(changed.runs.map(({train}) => train.epochs)).to.deep.equal(Array(8).fill(2));
  });

  const refused: [
    string,
    Record<string, unknown>,
    Record<string, unknown>,
    'E_CONFIG' | 'E_COMBINATION' | 'E_DUPLICATE',
    RegExp,
  ][] = [
    [
      'two variants of one label',
      {variants: [{label: 'a'}, {label: 'a'}]},
      {},
      'E_DUPLICATE',
      /two variants are called "a". Rename one/,
    ],
    ['a seed twice', {seeds: [1, 2, 1]}, {}, 'E_DUPLICATE', /a seed is listed twice: 1, 2, 1/],
    [
      'a scenario twice',
      {scenarios: ['task-incremental', 'task-incremental']},
      {},
      'E_DUPLICATE',
      /variant "plain", task-incremental, seed 0 is there twice/,
    ],
    ['a seed set for all', {}, {seed: 5}, 'E_DUPLICATE', /seed 5 is there twice. .*set neither seed nor label by path/],
    ['no seeds', {seeds: []}, {}, 'E_CONFIG', /at seeds/],
    [
      'a label that cannot be a name',
      {variants: [{label: '../up'}]},
      {},
      'E_CONFIG',
      /a name starts with a letter or digit/,
    ],
    [
      'variants that run nowhere',
      {scenarios: ['class-incremental'], variants: [{label: 'a', scenarios: ['task-incremental']}]},
      {},
      'E_CONFIG',
      /no variant runs in any of the scenarios/,
    ],
    [
      'a variant that makes no sense',
      {variants: [{label: 'a'}, {label: 'b', strategy: [{kind: 'grow'}]}]},
      {},
      'E_COMBINATION',
      /variant "b", class-incremental: class-incremental withholds the task/,
    ],
    [
      'a path to nothing',
      {},
      {'train.epoch': 1},
      'E_CONFIG',
      /variant "plain", task-incremental: .*\n.*Unrecognized key: "epoch"/,
    ],
    [
      'a path below a number',
      {},
      {'train.epochs.x': 1},
      'E_CONFIG',
      /"train.epochs.x": there is nothing below a number/,
    ],
    [
      'a place that a list does not have',
      {},
      {'strategy.0.strength': 1, 'seeds.7': 1},
      'E_CONFIG',
      /"strategy.0.strength": expected a place from 0 to -1|Unrecognized/,
    ],
    ['an empty path', {}, {'': 1}, 'E_CONFIG', /"" is no path. Write keys joined by dots/],
    ['a path into the prototype', {}, {'__proto__.x': 1}, 'E_CONFIG', /"__proto__.x" is no path/],
  ];
  for (const [name, changed, overrides, code, said] of refused) {
    it(`is refused with ${name}`, async () => {
      const {message} = await refusalOf(code, () => defineExperiment({...experiment, ...changed}, overrides));
      expect(message).to.match(said);
    });
  }
});
