import type {FillCommand} from './command.ts';

/** A command by its name: what the program's help says of it, and where the rest is. */
export interface CommandEntry {
  readonly summary: string;
  /** What a command needs takes up to seconds to load, so nothing of it is loaded before it is asked for. */
  load(): Promise<FillCommand>;
}

/** Every command, in the order of the help. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  run: {
    summary:
      'Compute every run of an experiment and write a report. Finished runs are skipped, interrupted ones go on.',
    load: async () => (await import('./run.ts')).runCommand,
  },
  resume: {
    summary: 'Go on with an interrupted run, as if it had not stopped.',
    load: async () => (await import('./resume.ts')).resumeCommand,
  },
  report: {
    summary: 'Write a report of runs that were computed before: one HTML file that opens offline.',
    load: async () => (await import('./report.ts')).reportCommand,
  },
  watch: {
    summary: 'Serve the report of runs while they go on, on this machine alone. Ctrl-C ends it.',
    load: async () => (await import('./watch.ts')).watchCommand,
  },
  compare: {
    summary: 'Set two reports against each other: what changed in accuracy, cost, configs and environments.',
    load: async () => (await import('./compare.ts')).compareCommand,
  },
  list: {
    summary: 'List the parts that a config may name.',
    load: async () => (await import('./describe.ts')).listCommand,
  },
  describe: {
    summary: 'Say what a part does, its options and where it comes from.',
    load: async () => (await import('./describe.ts')).describeCommand,
  },
  data: {
    summary: 'See and fetch data sets.',
    load: async () => (await import('./data.ts')).dataCommand,
  },
  doctor: {
    summary: 'Say what this machine has, what is missing, and what to do about it.',
    load: async () => (await import('./doctor.ts')).doctorCommand,
  },
  extract: {
    summary: 'Find the module of a trained network that does a task, and write it as a plan.',
    load: async () => (await import('./extract.ts')).extractCommand,
  },
  merge: {
    summary: 'Make one network of several, and write it.',
    load: async () => (await import('./merge.ts')).mergeCommand,
  },
  evidence: {
    summary: 'Judge modules on test images, with their controls, and write the evidence for `accrete report`.',
    load: async () => (await import('./evidence.ts')).evidenceCommand,
  },
  schema: {
    summary: 'Print the JSON Schema of an experiment file, for editors.',
    load: async () => (await import('./schema.ts')).schemaCommand,
  },
};
