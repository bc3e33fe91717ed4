import {encodeNetwork} from '@accrete/core';
import {seedStream, writeFileAtomic} from '@accrete/kit';
import {mergeFiles, mergeNetworks, mergers, type TaskData} from '@accrete/posthoc';
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
  taskData,
  withEngine,
} from './extract-inputs.ts';
import {collectSettings} from './options.ts';

interface MergeFlags extends ImportFlags {
  readonly method: string;
  readonly set: Readonly<Record<string, unknown>>;
  readonly base?: string;
  readonly arrays?: boolean;
  readonly data?: string;
  readonly classes: readonly (readonly number[])[];
  readonly among: TaskData['among'];
  readonly seed: number;
  readonly engine: string;
  readonly out: string;
}

/** `accrete merge <networks...>`: one network of several. */
export const mergeCommand: FillCommand = (command) =>
  command
    .argument(
      '<networks...>',
      'run folders, network files, or with --image perceptrons of another tool; with --arrays any safetensors',
    )
    .requiredOption('--method <kind>', 'how they are merged; `accrete list mergers` says what there is')
    .option('--set <path=value>', 'option of the method, such as density=0.2; repeatable', collectSettings, {})
    .option('--base <network>', 'the network that they were made from')
    .option(
      '--arrays',
      'merge the arrays of safetensors files, or of shards by their index, whatever networks they make',
    )
    .option('--data <set>', 'data set, for methods that look at data')
    .option(
      '--classes <list>',
      'classes of a network, such as 0,1; once per network, in their order',
      (text: string, before: readonly (readonly number[])[]) => [...before, parseClasses(text)],
      [],
    )
    .option(
      '--among <which>',
      "decide among a task's own logits, all, or its classes against the rest",
      parseAmong,
      'own' as const,
    )
    .option('--seed <n>', 'seed of everything that is drawn', parseIndex('--seed'), 0)
    .option('--engine <kind>', 'auto, onnx, tensorflow, wasm or cpu', 'auto')
    .option('--image <size>', 'images that networks of another tool read, such as 28x28x1', parseImage)
    .option('--activation <kind>', 'non-linearity of networks of another tool', 'relu')
    .requiredOption('--out <file>', 'where the network goes')
    .action(async (paths: readonly string[], flags: MergeFlags) => {
      const merger = mergers.parse(configOf(flags.method, flags.set));
      const done = (): void => void process.stdout.write(`${flags.out}: ${paths.length} networks by ${flags.method}\n`);
      if (flags.arrays) {
        mergeFiles(merger, {base: flags.base ?? null, networks: paths, out: flags.out, report: showShare('merge')});
        return done();
      }
      const networks = paths.map((path) => readNetwork(path, flags));
      const base = flags.base === undefined ? null : readNetwork(flags.base, flags);
      const dataset = flags.data === undefined ? null : await loadData(flags.data);
      const data = dataset
        ? flags.classes.map((classes, task) => taskData(dataset, 'train', {classes, task, among: flags.among}))
        : [];
      const merged = await withEngine(flags.engine, (engine) =>
        mergeNetworks(
          merger,
          {base, networks, data},
          {engine, seeds: seedStream(flags.seed, 'merge'), report: showShare('merge')},
        ),
      );
      writeFileAtomic(flags.out, encodeNetwork(merged));
      return done();
    });
