import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {mean, quantile, sampleSd} from '@accrete/report';

const here = import.meta.dirname;

/** What a long stream costs at its beginning and at its end, as a Markdown table. */
export function longTable(results) {
  const heading = [
    'method',
    'step [ms]',
    'last / first, processor',
    'last / first, clock',
    'compile [ms/task]',
    'test [ms/seen task]',
    'kB/task',
    'resident [MB]',
    'accuracy',
    'leaked',
  ];
  const pair = ([a, b], digits) => `${a.toFixed(digits)} → ${b.toFixed(digits)}`;
  const spread = (ratios) => {
    const [lower, middle, upper] = [0.25, 0.5, 0.75].map((p) => quantile(ratios, p).toFixed(2));
    return `${middle} (${lower} to ${upper})`;
  };
  const cells = ({
    name,
    step,
    processorRatios,
    clockRatios,
    compile,
    evaluate,
    bytesPerTask,
    rss,
    accuracy,
    leaked,
  }) => [
    name,
    pair(step, 2),
    spread(processorRatios),
    spread(clockRatios),
    pair(compile, 0),
    pair(evaluate, 1),
    (bytesPerTask / 1024).toFixed(1),
    pair(
      rss.map((bytes) => bytes / 2 ** 20),
      0,
    ),
    accuracy.toFixed(3),
    String(leaked),
  ];
  return markdown(heading, results.map(cells));
}

/** Methods on the CTrL families, as a Markdown table per family. */
export function ctrlTables(results) {
  const heading = [
    'method',
    'accuracy',
    'last task',
    'transfer',
    'new layers in the last task',
    'layers',
    'stored [kB]',
    'time [s]',
    'n',
  ];
  const cell = (values, digits) =>
    `${mean(values).toFixed(digits)}${values.length > 1 ? ` ± ${sampleSd(values).toFixed(digits)}` : ''}`;
  const families = [...new Set(results.map(({family}) => family))];
  return families
    .map((family) => {
      const lines = results
        .filter((result) => result.family === family)
        .map((result) => [
          result.label,
          cell(result.accuracy, 3),
          cell(result.last, 3),
          cell(result.transfer, 3),
          cell(result.newInLast, 1),
          cell(result.layers, 1),
          mean(result.kilobytes).toFixed(0),
          cell(result.seconds, 1),
          String(result.accuracy.length),
        ]);
      return `### ${family}\n\n${markdown(heading, lines)}`;
    })
    .join('\n\n');
}

/** Makes README.md anew from what has been measured. */
export function writePage() {
  const read = (name) => (existsSync(join(here, name)) ? JSON.parse(readFileSync(join(here, name), 'utf8')) : null);
  const [ctrl, long] = [read('results.json'), read('long.json')];
  const parts = ['# Growth', ...(ctrl === null ? [] : [ctrlPart(ctrl)]), ...(long === null ? [] : [longPart(long)])];
  writeFileSync(join(here, 'README.md'), `${parts.join('\n\n')}\n`);
}

/** How many of its hidden layers the last task took over from earlier ones, by family, of methods that choose. */
export function reuseTable(results, hidden) {
  const choosing = [...new Set(results.map(({label}) => label))].filter((label) => /^(mntdp|lmc)/.test(label));
  const families = [...new Set(results.map(({family}) => family))];
  const reused = (family, label) => {
    const newInLast = results.find((one) => one.family === family && one.label === label)?.newInLast ?? [];
    const layers = newInLast.map((fresh) => hidden - fresh);
    return layers.length === 0 ? '-' : `${mean(layers).toFixed(1)} (${layers.join(', ')})`;
  };
  const wanted = {'S-': 'all', 'S+': 'none', S_in: 'those above the first', S_out: 'all', S_pl: 'none'};
  return markdown(
    ['family', 'comes back', 'layers worth reusing', ...choosing],
    families.map((family) => [family, back[family], wanted[family], ...choosing.map((label) => reused(family, label))]),
  );
}

const back = {
  'S-': 'the first task, with fewer examples',
  'S+': 'the first task, with more examples than before',
  S_in: 'the first task, inverted, with very few examples',
  S_out: 'the first task, labels turned',
  S_pl: 'nothing',
};

function ctrlPart({environment, hidden, results}) {
  return `## Streams that repeat themselves, and streams that do not

The CTrL families over Fashion-MNIST, five domains of two classes, task-incremental; the experiment is \`benchmarks/growth.yaml\`.
S-: the first task comes back with fewer examples, so all of its layers can be used again. S_out: its labels are turned, so all but
the head can. S+: it comes back with more examples than before. S_in: it comes back inverted, with five images per class, so layers
above the first can be used. **S_pl repeats nothing**: in the paper (Veniat et al. 2021) it tests plasticity, and the stream
as its authors configure it is MNIST, DTD, Fashion-MNIST and SVHN with few examples each and then CIFAR-10 with many, five data sets
of which none comes back. So here, too: four domains with few examples, then one that was not there before with many. Reuse is not
what it asks for; new layers are.

Layers that the last task reused, of ${hidden}: mean, and in brackets seed by seed.

${reuseTable(results, hidden)}

Accuracy: mean over all tasks after the last one. Transfer: accuracy on the last task minus that of \`independent\`, by seed. New layers
in the last task and layers: hidden layers (modules) that the last task brought, and that there are in the end, heads left out. Mean
± sample standard deviation over n seeds. Stored: parameters of all tasks, and what the strategy keeps; mean. Time: of training,
searches and tests, by the processor.

${ctrlTables(results)}

${readFileSync(join(here, 'found.md'), 'utf8').trim()}

${machine(environment)} \`node benchmarks/growth/ctrl.mjs\` after \`npm run build\` computes what is missing, and makes this page anew.`;
}

function longPart({environment, tasks, examples, rounds, results}) {
  return `## A stream of ${tasks} tasks

Procedural images of 28 x 28, two new classes per task, ${2 * examples} images a task, one epoch of batches of 10, a network 784-256-256,
task-incremental. "a → b": median over tasks 1 to 10, and over the last 10. Steps are timed between two progress events, where there
is nothing else. Last / first: an early and a late task are resumed from their checkpoints side by side and train by turns, fifty
steps of one and fifty of the other, ${rounds} times, so that a machine that changes its speed does so for both; median over ten pairs of
tasks, in brackets the quartiles. It must not grow: at most 1.1 for methods with fixed routing. Replay with a head per task mixes
tasks in a batch, so that its formula asks for all heads in every step: 200 outputs in the end. Compile: programs that a task
compiles and cannot share with an earlier one. kB/task: parameters and what the strategy stores. Resident: memory of the process
after a garbage collection; methods run one after the other in one process. On a frozen base, 1 MB per task of it is what the frozen
layers put out for each example, which is kept up to 1 GiB and goes to disk from there on. Leaked: tensors and buffers left when the
run has ended.

${longTable(results)}

${machine(environment)} \`node benchmarks/growth/long.mjs --write\` after \`npm run build\` makes this table anew.`;
}

function machine({node, cpu}) {
  return `Measured on ${cpu}, Node ${node}, one thread.`;
}

function markdown(heading, lines) {
  return [heading, heading.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
