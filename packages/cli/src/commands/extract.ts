import {existsSync} from 'node:fs';
import {canonicalJson, contentHash, seedStream, writeFileAtomic} from '@accrete/kit';
import {bytesOfFile, decodePlan, encodePlan, extractors, type Plan, planSize} from '@accrete/posthoc';
import type {FillCommand} from './command.ts';
import {
  configOf,
  type ImportFlags,
  loadData,
  parseAmong,
  parseClasses,
  parseImage,
  parseIndex,
  readNetwork,
  showShare,
  type TaskFlags,
  taskData,
  withEngine,
} from './extract-inputs.ts';
import {collectSettings} from './options.ts';

interface ExtractFlags extends TaskFlags, ImportFlags {
  readonly method: string;
  readonly set: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly engine: string;
  readonly out: string;
  readonly force?: boolean;
}

/** `accrete extract <network>`: the module of a trained network that does a task. */
export const extractCommand: FillCommand = (command) =>
  command
    .argument('<network>', 'run folder, network file, or with --image a perceptron of another tool')
    .requiredOption('--method <kind>', 'how it is found; `accrete list extractors` says what there is')
    .option('--set <path=value>', 'option of the method, such as density=0.1; repeatable', collectSettings, {})
    .requiredOption('--data <set>', 'data set by name, or its config in YAML')
    .option('--classes <list>', 'classes of the task, such as 0,1 (default: all)', parseClasses)
    .option('--task <index>', 'whose path through the network, where tasks have their own', parseIndex('--task'), 0)
    .option(
      '--among <which>',
      "decide among the task's own logits, among all, or whether it is one of the task's classes or of the rest",
      parseAmong,
      'own' as const,
    )
    .option('--seed <n>', 'seed of everything that is drawn', parseIndex('--seed'), 0)
    .option('--engine <kind>', 'auto, onnx, tensorflow, wasm or cpu', 'auto')
    .option('--image <size>', 'images that a network of another tool reads, such as 28x28x1', parseImage)
    .option('--activation <kind>', 'non-linearity of a network of another tool', 'relu')
    .option('--force', 'find the module again where the file already has it')
    .requiredOption('--out <file>', 'where the plan goes')
    .action(async (path: string, flags: ExtractFlags) => {
      const network = readNetwork(path, flags);
      const config = extractors.validate(configOf(flags.method, flags.set));
      const data = taskData(await loadData(flags.data), 'train', flags);
      const wanted = {
        method: config,
        base: contentHash(network.parameters),
        seed: flags.seed,
        classes: [...data.classes],
        among: data.among,
        path: data.task,
      };
      if (existsSync(flags.out) && !flags.force && sameRequest(decodePlan(bytesOfFile(flags.out), flags.out), wanted)) {
        process.stdout.write(`${flags.out} has this module already; --force finds it again.\n`);
        return;
      }
      const plan = await withEngine(flags.engine, (engine) =>
        extractors
          .parse(config)
          .analyse(network, data, {engine, seeds: seedStream(flags.seed, 'extract'), report: showShare('extract')}),
      );
      writeFileAtomic(flags.out, encodePlan(plan));
      const {kept, weights, bits} = planSize(plan);
      const share = weights === 0 ? '' : `, ${kept} of ${weights} weights (${((100 * kept) / weights).toFixed(1)} %)`;
      process.stdout.write(`${flags.out}: ${flags.method}, ${data.name}${share}, ${Math.ceil(bits / 8)} bytes\n`);
    });

function sameRequest({method, base, provenance}: Plan, wanted: object): boolean {
  const {seed, classes, among, path} = provenance;
  return canonicalJson({method, base: base.hash, seed, classes, among, path}) === canonicalJson(wanted);
}
