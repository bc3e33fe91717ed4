import {expect} from 'chai';
import {parseRunConfig, resolve, runHash, runName} from '../../src/index.ts';
import {refusalOf} from '../support/refusal.ts';
import {tinyConfig} from '../support/tiny-run.ts';

const stream = {kind: 'split-classes', dataset: {kind: 'procedural', classes: 6}, tasks: 3};
const whole = {experiment: 'e', label: 'l', scenario: 'class-incremental', seed: 0, strategy: [], stream};
describe('a run config', () => {
  const refused: [string, Record<string, unknown>, 'E_CONFIG' | 'E_UNKNOWN' | 'E_COMBINATION', readonly RegExp[]][] = [
    ['an unknown key', {epochs: 3}, 'E_CONFIG', [/Unrecognized key: "epochs"/]],
    ['an unknown key further down', {train: {epoch: 3}}, 'E_CONFIG', [/Unrecognized key: "epoch"/, /at train/]],
    [
      'an unknown key of a part',
      {strategy: [{kind: 'ewc', strength: 1, lambda: 2}]},
      'E_CONFIG',
      [/"lambda"/, /strategy\[0\]/],
    ],
    ['a wrong type', {train: {epochs: 'three'}}, 'E_CONFIG', [/expected number, received string/, /at train.epochs/]],
    ['a number out of range', {train: {batchSize: 0}}, 'E_CONFIG', [/Too small/, /at train.batchSize/]],
    ['a fraction of 1', {stream: {...stream, validationFraction: 1}}, 'E_CONFIG', [/at stream.validationFraction/]],
    ['a missing option', {strategy: [{kind: 'replay'}]}, 'E_CONFIG', [/at strategy\[0\].capacity/]],
    ['a negative seed', {seed: -1}, 'E_CONFIG', [/at seed/]],
    ['another version', {version: 2}, 'E_CONFIG', [/at version/]],
    ['an unknown scenario', {scenario: 'continual'}, 'E_CONFIG', [/at scenario/, /task-incremental/]],
    ['an unknown strategy', {strategy: [{kind: 'ecw'}]}, 'E_CONFIG', [/at strategy\[0\].kind/]],
    [
      'a per-task head in class-incremental',
      {head: 'per-task'},
      'E_COMBINATION',
      [
        /class-incremental withholds the task at test time, but there is a head per task/,
        /Set taskInference \(lowest-entropy, largest-logit, superposition, recognition\), or use the task-incremental scenario/,
      ],
    ],
    ['packnet without task inference', {strategy: [{kind: 'packnet'}]}, 'E_COMBINATION', [/packnet predicts by task/]],
    [
      'packnet with a growing head',
      {strategy: [{kind: 'packnet'}], head: 'growing'},
      'E_COMBINATION',
      [
        /packnet gives every task a path of its own, which needs a head per task, got head "growing"/,
        /Set head: per-task, or leave it on auto/,
      ],
    ],
    [
      'packnet beside replay',
      {strategy: [{kind: 'packnet'}, {kind: 'replay', capacity: 10}], scenario: 'task-incremental'},
      'E_COMBINATION',
      [/packnet gives every task a path of its own, but replay mixes tasks in a batch/, /Use one or the other/],
    ],
    [
      'packnet beside lwf',
      {strategy: [{kind: 'packnet'}, {kind: 'lwf'}], scenario: 'task-incremental'},
      'E_COMBINATION',
      [
        /packnet gives every task a path of its own, but lwf looks at the logits of earlier tasks along the path/,
        /Use one or the other/,
      ],
    ],
    [
      'a growing head in domain-incremental',
      {head: 'growing', scenario: 'domain-incremental'},
      'E_COMBINATION',
      [
        /under one softmax, which is what class-incremental asks for, got domain-incremental/,
        /Set head: per-task or single/,
      ],
    ],
    [
      'classes that tasks cannot share evenly',
      {stream: {...stream, tasks: 4}},
      'E_COMBINATION',
      [/6 classes, which 4 tasks/],
    ],
  ];
  for (const [name, changed, code, said] of refused) {
    it(`is refused with ${name}: ${said[0]!.source}`, async () => {
      const {message} = await refusalOf(code, () => parseRunConfig({...whole, ...changed}));
      for (const text of said) expect(message).to.match(text);
    });
  }

  it('names every problem at once', async () => {
    const act = () => parseRunConfig({...whole, seed: 0.5, train: {epochs: -1, batchSize: 'x'}});
    const {message} = await refusalOf('E_CONFIG', act);
    for (const place of ['at seed', 'at train.epochs', 'at train.batchSize']) expect(message).to.contain(place);
  });

  it('chooses the head by scenario and by whether predictions are task-specific', () => {
    const head = (scenario: 'task-incremental' | 'domain-incremental' | 'class-incremental', kind?: string) =>
      resolve({
        scenario,
        head: 'auto',
        taskInference: {kind: 'lowest-entropy'},
        strategy: kind ? [{kind}] : [],
      });
    expect(head('task-incremental')).to.deep.equal({head: 'per-task', taskSpecific: true, infersTask: false});
    expect(head('domain-incremental')).to.deep.equal({head: 'single', taskSpecific: false, infersTask: false});
    expect(head('class-incremental')).to.deep.equal({head: 'growing', taskSpecific: false, infersTask: false});
    expect(head('class-incremental', 'packnet')).to.deep.equal({
      head: 'per-task',
      taskSpecific: true,
      infersTask: true,
    });
    expect(head('task-incremental', 'grow')).to.deep.equal({head: 'per-task', taskSpecific: true, infersTask: false});
  });

  it('has an identity that knows the seed, but not the order of keys or a task inference that nothing asks for', () => {
    const [one, two] = [tinyConfig(), tinyConfig({seed: 9})];
    expect(runHash(one))
      .to.equal(runHash(two))
      .and.to.match(/^[0-9a-f]{10}$/);
    expect([runName(one), runName(two)]).to.deep.equal([`${runHash(one)}-s1`, `${runHash(one)}-s9`]);
    const backwards = Object.fromEntries(Object.entries(one).reverse());
    expect(runHash(parseRunConfig(backwards))).to.equal(runHash(one));
    expect(runHash(parseRunConfig({...one, taskInference: {kind: 'largest-logit'}}))).to.equal(runHash(one));
    expect(runHash(tinyConfig({train: {epochs: 3}}))).not.to.equal(runHash(one));
  });
});
