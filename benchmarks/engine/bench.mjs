// node benchmarks/engine/bench.mjs [--models a,b] [--threads 1,2] [--engine onnx] [--rounds 10]
// Training steps per engine against PyTorch in the same sitting, by turns of half a second, so that a machine that changes its speed
// does so for both: the ratio is the median over the rounds of theirs, in brackets the quartiles. PyTorch is timed where PYTHON (or
// python3) has torch.
// TensorFlow reads its number of threads once: one number per call with --engine tensorflow, 1 unless told.
import {spawn} from 'node:child_process';
import {createInterface} from 'node:readline';
import {setTimeout} from 'node:timers/promises';
import {parseArgs} from 'node:util';

/** How long either side has its turn. */
const TURN_MS = 500;
/** Between turns, until threads that wait awake for more work have gone to sleep: PyTorch's do so after 200 ms. */
const PAUSE_MS = 300;

if (!process.execArgv.some((flag) => flag.startsWith('--conditions'))) {
  const flags = ['--import=tsx', '--conditions=@accrete/source'];
  const child = spawn(process.execPath, [...flags, import.meta.filename, ...process.argv.slice(2)], {stdio: 'inherit'});
  child.on('exit', (code) => process.exit(code ?? 1));
} else await bench();

async function bench() {
  const {createEngine} = await import('@accrete/engine');
  const {models} = await import('./models.mjs');
  const {prepare} = await import('./ours.mjs');
  const {values} = parseArgs({
    options: {
      models: {type: 'string', default: Object.keys(models).join()},
      threads: {type: 'string'},
      engine: {type: 'string', default: 'onnx'},
      rounds: {type: 'string', default: '10'},
    },
  });
  const unknown = values.models.split(',').filter((name) => !(name in models));
  if (unknown.length > 0) {
    console.error(`Unknown models: ${unknown.join(', ')}. Known: ${Object.keys(models).join(', ')}.`);
    process.exit(2);
  }
  const peers = await startPeers();
  console.log(
    peers === undefined ? 'PyTorch: not found; set PYTHON to a Python that has torch.' : `PyTorch ${peers.version}`,
  );
  console.log(`engine ${values.engine}; ms per step and their ratio, medians of ${values.rounds} rounds\n`);
  console.log(row('model', 'threads', 'compile', 'ours', 'PyTorch', 'ratio', 'quartiles', 'target'));
  const counts = values.threads ?? (values.engine === 'tensorflow' ? '1' : '1,2');
  for (const threads of counts.split(',').map(Number)) {
    const engine = await createEngine({kind: values.engine, threads});
    for (const name of values.models.split(',')) {
      const ours = await prepare(engine, name);
      const [mine, theirs] = [[], []];
      const first = median(await ours.run(3));
      await peers?.time(name, threads, 3);
      const steps = Math.max(3, Math.min(200, Math.round(TURN_MS / first)));
      for (let round = 0; round < Number(values.rounds); round++) {
        mine.push(median(await ours.run(steps)));
        await setTimeout(PAUSE_MS);
        if (peers) theirs.push(median(await peers.time(name, threads, steps)));
        await setTimeout(PAUSE_MS);
      }
      const ratios = theirs.map((time, i) => mine[i] / time);
      const quartiles = [0.25, 0.75].map((p) => quantile(ratios, p)?.toFixed(2)).join(' to ');
      const target = models[name].targets[values.engine];
      const compare = peers
        ? [median(theirs).toFixed(2), median(ratios).toFixed(2), quartiles, target ? `<= ${target}` : '-']
        : ['-', '-', '-', '-'];
      console.log(row(name, threads, `${ours.compileMs.toFixed(0)} ms`, median(mine).toFixed(2), ...compare));
      ours.dispose();
    }
    await engine.dispose();
  }
  peers?.stop();
}

function median(values) {
  return quantile(values, 0.5);
}

function quantile(values, p) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * p)];
}

function row(...cells) {
  return cells
    .map((cell, i) => (i === 0 ? String(cell).padEnd(18) : String(cell).padStart(i === 6 ? 13 : 9)))
    .join(' ');
}

/** A Python process that times PyTorch, or undefined where there is none. */
async function startPeers() {
  const child = spawn(process.env.PYTHON ?? 'python3', [`${import.meta.dirname}/peers.py`], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.on('error', () => {});
  child.stdin.on('error', () => {});
  const lines = createInterface({input: child.stdout})[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.done) return undefined;
  return {
    version: JSON.parse(first.value).torch,
    async time(name, threads, steps) {
      child.stdin.write(`${name} ${threads} ${steps}\n`);
      const {value, done} = await lines.next();
      if (done) throw new Error(`PyTorch stopped while timing ${name}. Run peers.py by hand to see why.`);
      return JSON.parse(value);
    },
    stop: () => child.stdin.end(),
  };
}
