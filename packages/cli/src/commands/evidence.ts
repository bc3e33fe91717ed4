import {join} from 'node:path';
import {type EvidenceRow, runFiles, seedStream, writeFileAtomic} from '@accrete/kit';
import {bytesOfFile, decodePlan, encodeEvidence, judge, overlapRows} from '@accrete/posthoc';
import type {FillCommand} from './command.ts';
import {
  type ImportFlags,
  loadData,
  parseImage,
  parseIndex,
  readNetwork,
  showShare,
  taskData,
  withEngine,
} from './extract-inputs.ts';

interface EvidenceFlags extends ImportFlags {
  readonly data: string;
  readonly seed: number;
  readonly engine: string;
  readonly out: string;
}

/** `accrete evidence <network> <plans...>`: whether modules are modules. */
export const evidenceCommand: FillCommand = (command) =>
  command
    .argument('<network>', 'the network that they were found in')
    .argument('<plans...>', 'plans of `accrete extract`, one per task')
    .requiredOption('--data <set>', 'data set by name, or its config in YAML')
    .option('--seed <n>', 'seed of the random controls', parseIndex('--seed'), 0)
    .option('--engine <kind>', 'auto, onnx, tensorflow, wasm or cpu', 'auto')
    .option('--image <size>', 'images that a network of another tool reads, such as 28x28x1', parseImage)
    .option('--activation <kind>', 'non-linearity of a network of another tool', 'relu')
    .requiredOption('--out <folder>', `where the evidence goes, as ${runFiles.evidence}; the run's folder, or another`)
    .action(async (path: string, files: readonly string[], flags: EvidenceFlags) => {
      const network = readNetwork(path, flags);
      const plans = files.map((file) => decodePlan(bytesOfFile(file), file));
      const dataset = await loadData(flags.data);
      const candidates = plans.map((plan) => {
        const {path: task, classes, among} = plan.provenance;
        return {plan, test: taskData(dataset, 'test', {task, classes, among})};
      });
      const judged = await withEngine(flags.engine, (engine) =>
        judge({engine, network, candidates, seeds: seedStream(flags.seed, 'evidence'), report: showShare('evidence')}),
      );
      const rows = [...judged, ...overlapRows(candidates.map(({plan, test}) => ({name: test.name, plan})))];
      const file = join(flags.out, runFiles.evidence);
      writeFileAtomic(file, encodeEvidence(rows));
      process.stdout.write(`${table(rows)}\n${rows.length} rows: ${file}\n`);
    });

/** The measures of every module beside those of its random and largest-weight controls. */
function table(rows: readonly EvidenceRow[]): string {
  const shown = ['sufficiency', 'exclusivity', 'necessity', 'selectivity'] as const;
  const lines = [...new Set(rows.map(({module}) => module))].flatMap((module) =>
    (['module', 'random', 'magnitude'] as const).map((subject) => {
      const cells = shown.map((measure) => {
        const values = rows.flatMap((row) =>
          row.module === module && row.subject === subject && row.measure === measure && row.value !== null
            ? [row.value]
            : [],
        );
        const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
        return (values.length === 0 ? '-' : mean.toFixed(2)).padStart(12);
      });
      return `${module.padEnd(24)}${subject.padEnd(10)}${cells.join('')}`;
    }),
  );
  return [`${''.padEnd(34)}${shown.map((measure) => measure.padStart(12)).join('')}`, ...lines].join('\n');
}
