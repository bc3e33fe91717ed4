import {chmodSync, mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {findEngines} from '@accrete/engine';
import {expect} from 'chai';
import {collectExports} from '../src/commands/export-option.ts';
import {accrete, inFolder, tiny, writeExperiment} from './support/accrete.ts';

const tensorflow = (await findEngines()).find(({kind}) => kind === 'tensorflow')!;

describe("the user's mistakes end with code 2 and a message that says what to do", function () {
  this.timeout(60_000);

  const mistakes: readonly [string, unknown, readonly string[], RegExp][] = [
    ['an unknown key', {...tiny, epochs: 3}, [], /E_CONFIG: invalid experiment\.[\s\S]*Unrecognized key: "epochs"/],
    [
      'a wrong type',
      {...tiny, train: {epochs: 'two'}},
      [],
      /E_CONFIG[\s\S]*expected number, received string[\s\S]*train\.epochs/,
    ],
    [
      'a misspelt option',
      {...tiny, variants: [{label: 'a', strategy: [{kind: 'ewc', strenght: 1}]}]},
      [],
      /E_CONFIG[\s\S]*strength|strenght/,
    ],
    [
      'an unknown strategy',
      {...tiny, variants: [{label: 'a', strategy: [{kind: 'ewcc', strength: 1}]}]},
      [],
      /E_CONFIG[\s\S]*'?joint'?[\s\S]*strategy\[0\]/,
    ],
    [
      'an impossible combination',
      {...tiny, scenarios: ['class-incremental']},
      [],
      /E_COMBINATION: variant "grow", class-incremental: class-incremental withholds the task at test time, but grow predicts by task\. Set taskInference \(lowest-entropy, largest-logit, superposition, recognition\)/,
    ],
    [
      'heads per task without inference',
      {...tiny, scenarios: ['class-incremental'], head: 'per-task', variants: [{label: 'a'}]},
      [],
      /E_COMBINATION.*there is a head per task/,
    ],
    [
      'two variants of one name',
      {...tiny, variants: [{label: 'a'}, {label: 'a'}]},
      [],
      /E_DUPLICATE: two variants are called "a"/,
    ],
    ['a name that is a path', {...tiny, name: '../up'}, [], /E_CONFIG[\s\S]*a name starts with a letter or digit/],
    [
      'a bad seed list',
      tiny,
      ['--seeds', '1,x'],
      /E_CONFIG: --seeds takes whole numbers or ranges, such as 0,1,2 or 0\.\.4; got "1,x"/,
    ],
    ['a setting without a value', tiny, ['--set', 'train.epochs'], /E_CONFIG: --set takes path=value/],
    ['a setting of an unknown key', tiny, ['--set', 'train.epoch=3'], /E_CONFIG[\s\S]*Unrecognized key: "epoch"/],
    [
      'an option that is none of sbatch',
      tiny,
      ['--sbatch', 'partition=gpu', '4 GPUs'],
      /E_CONFIG: --sbatch takes options such as partition=gpu, without dashes; got "4 GPUs"/,
    ],
    [
      'Slurm where there is none',
      tiny,
      ['--sbatch', 'partition=gpu'],
      /E_WORKER: sbatch does not start \(.*\)\. Run this on a machine that submits to Slurm, or compute locally\./,
    ],
    ['an unknown engine', tiny, ['--engine', 'cuda'], /E_CONFIG[\s\S]*engine\.kind/],
    ...(tensorflow.available
      ? []
      : [
          ['an engine that is not here', tiny, ['--engine', 'tensorflow'], /E_ENGINE/] as [
            string,
            unknown,
            string[],
            RegExp,
          ],
        ]),
    ['an unknown flag', tiny, ['--sed', '7'], /unknown option '--sed'/],
    ['no jobs', tiny, ['--jobs', '0'], /--jobs takes a whole number from 1 up, got "0"/],
    [
      'more classes than there are',
      {...tiny, stream: {...tiny.stream, tasks: 3}},
      [],
      /E_COMBINATION: .*4 classes, which 3 tasks cannot share evenly/,
    ],
  ];
  for (const [name, experiment, flags, message] of mistakes) {
    it(name, () =>
      inFolder(async (folder) => {
        const {code, err} = await accrete(folder, [
          'run',
          writeExperiment(folder, experiment),
          ...flags,
          '--no-report',
        ]);
        expect(err).to.match(message);
        expect(code, err).to.equal(2);
        expect(err).to.not.match(/\n {4}at /);
      }),
    );
  }

  it('a config that is no YAML, or not there', () =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, 'bad.yaml'), 'name: [1\nseeds: 2');
      const bad = await accrete(folder, ['run', 'bad.yaml']);
      expect(bad.err).to.match(/E_CONFIG: bad\.yaml is not valid YAML: .*line 2/s);
      const missing = await accrete(folder, ['run', 'none.yaml']);
      expect(missing.err).to.match(/E_FILE: cannot read the config none\.yaml .*Check the path/);
      expect([bad.code, missing.code]).to.deep.equal([2, 2]);
    }));

  it('data that no source has', () =>
    inFolder(async (folder) => {
      const experiment = {
        ...tiny,
        stream: {...tiny.stream, dataset: {kind: 'kmnist'}},
        seeds: [0],
        variants: [{label: 'a'}],
      };
      const environment = {ACCRETE_DATA: join(folder, 'empty'), no_proxy: '*'};
      const {code, err} = await accrete(
        folder,
        ['run', writeExperiment(folder, {...experiment, stream: {...experiment.stream, tasks: 5}}), '--no-report'],
        environment,
      );
      expect(err).to.match(/failed: a, task-incremental, seed 0: E_DATA: /);
      expect(code).to.equal(2);
    }));

  it('an output folder that cannot be written', () =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, 'taken'), '');
      const blocked = await accrete(folder, [
        'run',
        writeExperiment(folder, tiny),
        '--out',
        'taken/runs',
        '--no-report',
      ]);
      expect(blocked.err).to.match(/E_FILE: cannot make the run folder at .*choose another folder/);
      expect(blocked.code).to.equal(2);
      if (process.getuid?.() === 0) return; // Root may write anywhere.
      mkdirSync(join(folder, 'closed'));
      chmodSync(join(folder, 'closed'), 0o500);
      const closed = await accrete(folder, ['run', 'experiment.yaml', '--out', 'closed', '--no-report']);
      expect(closed.err).to.match(/You may not write there/);
    }));

  it('a report of nothing', () =>
    inFolder(async (folder) => {
      mkdirSync(join(folder, 'empty'));
      const empty = await accrete(folder, ['report', 'empty']);
      expect(empty.err).to.match(/E_RECORD: no run could be read/);
      const none = await accrete(folder, ['report', 'nowhere']);
      expect(none.err).to.match(/E_FILE: no such folder: nowhere/);
      expect([empty.code, none.code]).to.deep.equal([2, 2]);
      const refused = await accrete(folder, ['report', 'empty', '--export', 'xlsx=a.xlsx']);
      expect(refused.err).to.match(/E_CONFIG: --export takes format=path.*csv, json.*got "xlsx=a\.xlsx"/);
      expect(refused.code).to.equal(2);
      for (const wish of ['csv', 'csv=', '=a.csv', 'toString=a', 'tensorboard']) {
        expect(() => collectExports(wish, []), wish).to.throw(/E_CONFIG: --export takes format=path/);
      }
    }));

  it('an unknown command, registry, part and data set', () =>
    inFolder(async (folder) => {
      const cases: readonly [readonly string[], RegExp][] = [
        [['rum'], /unknown command 'rum'/],
        [['list', 'strategy'], /E_UNKNOWN: unknown registry "strategy"\. Known: strategies/],
        [['describe', 'ewcc'], /E_UNKNOWN: nothing is called "ewcc"\. Known:\n {2}strategies: /],
        [['data', 'get', 'mnst'], /E_UNKNOWN: unknown data set "mnst"\. Known: /],
        [['resume', 'nowhere'], /E_RECORD: cannot read nowhere\/config\.json/],
      ];
      for (const [args, message] of cases) {
        const {code, err} = await accrete(folder, args);
        expect(err).to.match(message);
        expect(code, args.join(' ')).to.equal(2);
      }
    }));
});
