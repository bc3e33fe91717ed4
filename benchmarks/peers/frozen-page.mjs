// What frozen-base.mjs says of its results: one line of a table per case, and the page around it.
import {availableParallelism, cpus} from 'node:os';
import {mean, median, sampleSd} from '@accrete/report';

/** 0.975 quantiles of Student's t by degrees of freedom. */
const quantiles = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

/** One case, as a line of the table. */
export function line({what, ours, torch}) {
  const pair = (key, summarise, digits) =>
    `${summarise(ours[key]).toFixed(digits)}, ${summarise(torch[key]).toFixed(digits)}`;
  const times = (key) => {
    const ratios = torch[key].map((theirs, i) => theirs / ours[key][i]);
    const range = ratios.length > 1 ? ` (${Math.min(...ratios).toFixed(1)} to ${Math.max(...ratios).toFixed(1)})` : '';
    return `${median(ratios).toFixed(1)}${range}`;
  };
  const differences = ours.accuracy.map((own, i) => own - torch.accuracy[i]);
  const n = differences.length;
  const points = (x) => (100 * x).toFixed(2);
  const interval = n > 1 ? ` ± ${points((quantiles[n - 2] * sampleSd(differences)) / Math.sqrt(n))}` : '';
  const cells = [
    what,
    pair('processor', median, 2),
    times('processor'),
    pair('clock', median, 2),
    times('clock'),
    pair('accuracy', mean, 4),
    `${points(mean(differences))}${interval}`,
    n,
  ];
  return `| ${cells.join(' | ')} |`;
}

/** The page of all cases. */
export function page(results, {tasks, epochs, train, batch, rate}) {
  const all = Object.values(results);
  const load = all.flatMap((result) => result.load);
  return `# A frozen base against a plain PyTorch loop

The first task trains the whole base, here. Every later one trains a module of its own and a head on the frozen base, on both sides.
The plain loop loads the very same base, starts modules and heads from the very same numbers and takes the same batches in the same
order; it runs the frozen layers in every step, and autograd spares it their backward pass. So all that may differ is rounding, and
speed.

Here, all that is a function of the example alone is computed once per example and kept (\`scheduler/training/feature-store.ts\`), in
training and when old tasks are tested again: what the stages below the module put out, what sites beside it put out (keys beside a
query), and what the frozen base puts out at the module's own site, as far as the step reads it. How much that can save depends on
where the module stands. Behind the last layer, nothing of the base is left in a step. In query and value of the last of four layers,
that layer is left, forward and backward: PyTorch runs about 4 + 1 layers, we 1 + 1, so that 2.5 times is the most at equal speed of
kernels. In every layer, only the product of the first is kept, 0.8 of 5.1 million multiplications per example: 1.2 times at most.
First number ours, second PyTorch; the later tasks only.

| base and module | later tasks, processor [s] | times faster | by the clock [s] | times faster | accuracy | difference [points] | n |
|---|---|---|---|---|---|---|---|
${all.map(line).join('\n')}

Split Fashion-MNIST, ${tasks} tasks x 2 classes, ${train} images each, ${epochs} epochs, batch ${batch}, Adam ${rate}, all tasks so far tested
after each. n seeds, each with a base of its own; medians of times, median and range of ratios by seed, means of accuracies over later
tasks. Difference: ours minus theirs, paired by seed, with the 95 % interval of Student's t. Our times contain everything: compiling
programs, computing what is kept, hashing what is frozen. One thread each: onnxruntime and PyTorch ${all[0].version}, turn and turn
about; ${cpus()[0].model}, ${availableParallelism()} cores, at a load (of one minute) between ${Math.min(...load).toFixed(1)} and ${Math.max(...load).toFixed(1)}: where others wait, too,
processor time is what to read, and even that grows where caches are shared, for us by more than for PyTorch. The aim is 3 times, at
the same accuracy.

With draws of each side's own, as it was measured before, five seeds of the first case gave 4.4 times (3.9 to 5.0) and -1.1 ± 2.4
points: the draws differed, not the methods.

\`PYTHON=<python with torch> node benchmarks/peers/frozen-base.mjs --write\` after \`npm run build\` makes this page anew.
`;
}
