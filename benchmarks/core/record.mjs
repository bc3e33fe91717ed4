// What the scripts here found: results.json beside this file, and the sections of README.md that are made from it.
import {execFileSync} from 'node:child_process';
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import {isDeepStrictEqual} from 'node:util';
import {describeEnvironment} from '@accrete/scheduler';

const RESULTS = join(import.meta.dirname, 'results.json');
const README = join(import.meta.dirname, 'README.md');

/**
 * The figures of an experiment, one entry per key (such as a network and a number of rules) with a list of figures by seed.
 *
 * @param settings all that figures depend on apart from key and seed.
 * @param how `write`: keep the figures in results.json, after every addition; `resume`: go on with those that are there; `seeds`: how
 *   many are asked for, from 0 on.
 */
export function openRecord(experiment, settings, engine, {write, resume, seeds}) {
  const {node, platform, cpu, engine: program} = describeEnvironment(engine);
  const environment = {node, platform, cpu, engine: {kind: program.kind, versions: program.versions}};
  const entries = resume ? entriesBefore(experiment, settings) : [];
  const entryOf = (key) => entries.find((entry) => isDeepStrictEqual(entry.key, key));
  const save = () => writeFileSync(RESULTS, json({...results(), [experiment]: {environment, settings, entries}}));
  return {
    /** The entries with a key that answers, each with the figures of the seeds that were asked for: key and figures by name. */
    found: (answers) =>
      entries
        .filter(({key}) => answers(key))
        .map(({key, ...entry}) => {
          const places = Array.from({length: seeds}, (_, seed) => entry.seeds.indexOf(seed));
          const figures = Object.entries(entry.figures).map(([name, values]) => [name, places.map((at) => values[at])]);
          return {key, figures: Object.fromEntries(figures)};
        }),
    /** Whether the figures of a seed are there. */
    has: (key, seed) => entryOf(key)?.seeds.includes(seed) ?? false,
    /** @param figures by name, the same names for every seed of a key; null where there is none */
    add: (key, seed, figures) => {
      if (!entryOf(key)) entries.push({key, seeds: [], figures: {}});
      const entry = entryOf(key);
      entry.seeds.push(seed);
      for (const [name, value] of Object.entries(figures)) {
        entry.figures[name] ??= [];
        entry.figures[name].push(rounded(value));
      }
      if (write) save();
    },
    /** Prints what was found and, where it is to be kept, puts it into the README between the marks of the experiment. */
    close: (tables) => {
      const text = `Seeds 0 to ${seeds - 1}.\n\n${tables}`;
      console.log(text);
      if (!write) return;
      save();
      const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome');
      execFileSync(process.execPath, [biome, 'format', '--write', RESULTS], {stdio: 'ignore'});
      const [begin, end] = [`<!-- ${experiment} -->`, `<!-- end of ${experiment} -->`];
      const page = readFileSync(README, 'utf8');
      const [from, to] = [page.indexOf(begin), page.indexOf(end)];
      if (from < 0 || to < from) throw new Error(`README.md has no section between "${begin}" and "${end}".`);
      writeFileSync(README, `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`);
    },
  };
}

function entriesBefore(experiment, settings) {
  const before = results()[experiment];
  if (before === undefined) return [];
  if (isDeepStrictEqual(before.settings, JSON.parse(json(settings)))) return before.entries;
  console.error(
    `results.json holds ${experiment} with other settings, ${JSON.stringify(before.settings)}. Leave out --resume.`,
  );
  process.exit(2);
}

function results() {
  return existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, 'utf8')) : {};
}

function json(value) {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function rounded(value) {
  return typeof value === 'number' ? Number(value.toPrecision(6)) : value;
}
