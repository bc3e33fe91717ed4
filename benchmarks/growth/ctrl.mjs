// node benchmarks/growth/ctrl.mjs [--seeds 0,1,2,3,4] [--families S-,S+] [--methods 'mntdp,lmc at 4'] [--jobs 1]
// The CTrL families of benchmarks/growth.yaml: computes what runs/growth lacks of the seeds, families and methods asked for, and makes
// results.json and README.md beside this file anew of all that is there. Needs a build (npm run build).
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {join, resolve} from 'node:path';
import {parseArgs} from 'node:util';
import {createEngine} from '@accrete/engine';
import {mean} from '@accrete/report';
import {defineExperiment, describeEnvironment, executeLocally, runName} from '@accrete/scheduler';
import {parse} from 'yaml';
import {ctrlTables, writePage} from './page.mjs';

const {values} = parseArgs({
  options: {
    seeds: {type: 'string'},
    families: {type: 'string'},
    methods: {type: 'string'},
    jobs: {type: 'string', default: '1'},
  },
});
const input = parse(readFileSync(join(import.meta.dirname, '../growth.yaml'), 'utf8'));
// Seed by seed, so that whatever is there when it is stopped holds whole columns.
const all = defineExperiment(input, {'engine.kind': 'onnx'})
  .runs.map((config) => ({config, folder: resolve('runs/growth', runName(config))}))
  .sort((a, b) => a.config.seed - b.config.seed);
const asked = [
  {name: 'seed', wanted: values.seeds?.split(','), of: ({seed}) => String(seed)},
  {name: 'family', wanted: values.families?.split(','), of: ({stream}) => stream.family},
  {name: 'method', wanted: values.methods?.split(','), of: ({label}) => label},
];
for (const {name, wanted, of} of asked) {
  const known = [...new Set(all.map(({config}) => of(config)))];
  const unknown = (wanted ?? []).filter((one) => !known.includes(one));
  if (unknown.length > 0) {
    console.error(`benchmarks/growth.yaml has no ${name} ${unknown.join(', ')}, only ${known.join(', ')}.`);
    process.exit(2);
  }
}
const jobs = all.filter(({config}) => asked.every(({wanted, of}) => wanted?.includes(of(config)) ?? true));
let done = 0;
const ended = await executeLocally(
  jobs,
  {jobs: Number(values.jobs)},
  {
    onEnd: ({config}, {status}) => {
      done++;
      console.error(`${done}/${jobs.length} ${config.stream.family} ${config.label} seed ${config.seed}: ${status}`);
    },
  },
);
const failed = ended.find(({status}) => status !== 'done' && status !== 'skipped');
if (failed) throw new Error(failed.message ?? failed.status);

const finished = all.filter(({folder}) => isDone(folder)).map(({config, folder}) => ({config, ...measure(folder)}));
const alone = ({config: {stream, seed}}) =>
  finished.find(
    ({config}) => config.label === 'independent' && config.stream.family === stream.family && config.seed === seed,
  );
const measured = finished.filter((run) => alone(run) !== undefined);
const keyOf = ({config}) => `${config.stream.family} ${config.label}`;
const groups = [...new Set(measured.map(keyOf))].map((key) => measured.filter((run) => keyOf(run) === key));
const results = groups.map((group) => {
  const {config} = group[0];
  const of = (pick) => group.map(pick);
  return {
    family: config.stream.family,
    label: config.label,
    accuracy: of((run) => run.accuracy),
    last: of((run) => run.last),
    transfer: of((run) => run.last - alone(run).last),
    newInLast: of((run) => run.newInLast),
    layers: of((run) => run.layers),
    kilobytes: of((run) => run.kilobytes),
    seconds: of((run) => run.seconds),
  };
});
const engine = await createEngine({kind: 'onnx', threads: 1});
const {node, cpu, engine: program} = describeEnvironment(engine);
await engine.dispose();
const rounded = (_, value) => (typeof value === 'number' ? Number(value.toPrecision(5)) : value);
const record = {environment: {node, cpu, engine: program}, hidden: input.network.hidden.length, results};
writeFileSync(join(import.meta.dirname, 'results.json'), JSON.stringify(record, rounded, 2));
writePage();
console.log(ctrlTables(results));

function isDone(folder) {
  const file = join(folder, 'status.json');
  return existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).state === 'done';
}

/** What a run's log says of accuracy, layers and costs. */
function measure(folder) {
  const events = readFileSync(join(folder, 'events.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const ends = events.filter(({type}) => type === 'task-end');
  const lastTask = ends.at(-1).task;
  const tested = events.filter(
    ({type, split, afterTask}) => type === 'evaluation' && split === 'test' && afterTask === lastTask,
  );
  // `independent` sets its layers back for every task and keeps those before, at a cost; others only set them back.
  const came = events.filter(
    ({type, change, bytesAdded}) =>
      type === 'growth' && (change === 'add' || (change === 'reinitialise' && bytesAdded > 0)),
  );
  const layersIn = (wanted) =>
    came
      .filter(({task}) => wanted(task))
      .flatMap(({modules}) => modules)
      .filter((id) => /^layer\d+\/(base|module:[^/]+)$/.test(id)).length;
  // Where the first task brings modules, they stand in place of the network's own layers.
  const own = layersIn((task) => task === 0) > 0 ? 0 : input.network.hidden.length;
  return {
    accuracy: mean(tested.map(({accuracy}) => accuracy)),
    last: tested.find(({evalTask}) => evalTask === lastTask).accuracy,
    newInLast: layersIn((task) => task === lastTask),
    layers: own + layersIn(() => true),
    kilobytes: ends.at(-1).parameters.bytes / 1024,
    seconds: ends.reduce((sum, {cpuMs}) => sum + cpuMs, 0) / 1000,
  };
}
