import {execFileSync} from 'node:child_process';
import {once} from 'node:events';
import {mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {Worker} from 'node:worker_threads';
import {expect} from 'chai';
import fc from 'fast-check';
import {
  type Environment,
  encodeOutcomes,
  environmentSchema,
  eventSchema,
  isHarnessError,
  outcomesFile,
  type RunEvent,
  type RunStatus,
  readEvents,
  readJson,
  readRun,
  statusSchema,
} from '../../src/index.ts';
import {asLines, everyEvent} from '../support/events.ts';
import {useFolder} from '../support/temporary.ts';
import {thrown} from '../support/thrown.ts';

const status: RunStatus = {version: 1, state: 'done', started: '2026-01-02T03:04:05Z', ended: '2026-01-02T03:05:05Z'};
const environment: Environment = {
  version: 1,
  accrete: '0.1.0',
  node: 'v20',
  platform: 'linux x64',
  cpu: 'some',
  cores: 2,
  engine: {kind: 'onnx', reason: 'asked for', threads: 1, versions: {onnx: '1'}},
  gitCommit: null,
};
const config = {version: 1, experiment: 'e', label: 'ewc', scenario: 's', seed: 0, more: {kept: [1]}};
const log = asLines(everyEvent);

describe('reading an event log', () => {
  const folder = useFolder();
  const file = (): string => join(folder(), 'events.jsonl');
  const read = (content: string | Uint8Array) => {
    writeFileSync(file(), content);
    return readEvents(file());
  };

  it('gives every event, and an empty log for an empty file', () => {
    expect(read(log)).to.deep.equal({events: everyEvent, torn: false, wholeBytes: Buffer.byteLength(log)});
    expect(read('')).to.deep.equal({events: [], torn: false, wholeBytes: 0});
  });

  it('law: cut anywhere, it gives the whole lines, says whether one was torn, and where to cut', () => {
    const ends = [...everyEvent.keys()].map((i) => Buffer.byteLength(asLines(everyEvent.slice(0, i + 1))));
    fc.assert(
      fc.property(fc.nat(Buffer.byteLength(log)), (length) => {
        const {events, torn, wholeBytes} = read(Buffer.from(log).subarray(0, length));
        const whole = ends.filter((end) => end <= length);
        expect(events).to.deep.equal(everyEvent.slice(0, whole.length));
        expect(wholeBytes).to.equal(whole.at(-1) ?? 0);
        expect(torn).to.equal(wholeBytes < length);
      }),
    );
  });

  it('counts bytes, not characters, where a repair cuts', () => {
    const notice = {type: 'notice', seq: 0, time: '2026-01-02T03:04:05Z', code: 'N', message: 'größer ✓'};
    const {wholeBytes} = read(`${asLines([notice])}{"type":"not`);
    expect(wholeBytes).to.equal(Buffer.byteLength(asLines([notice])));
  });

  it('refuses a damaged line before the last, naming file and line', () => {
    const lines = log.split('\n');
    for (const damage of ['', '{"type":"notice"', 'null', '{"type":"notice","seq":2}']) {
      const error = thrown(() => read([...lines.slice(0, 2), damage, ...lines.slice(3)].join('\n')));
      expect(error.code).to.equal('E_RECORD');
      expect(error.message).to.contain(`${file()}, line 3`);
    }
  });

  /** Line by line: what the events are, or the number of the first line that holds none. */
  function oneByOne(text: string): readonly RunEvent[] | number {
    const lines = text.split('\n').slice(0, -1);
    const events: RunEvent[] = [];
    for (const [i, line] of lines.entries()) {
      try {
        events.push(eventSchema.parse(JSON.parse(line)));
      } catch {
        return i + 1;
      }
    }
    const wrong = events.findIndex(({seq}, i) => seq !== i);
    return wrong < 0 ? events : wrong + 1;
  }

  function agrees(text: string): void {
    const expected = oneByOne(text);
    if (typeof expected !== 'number') expect(read(text).events).to.deep.equal(expected);
    else expect(thrown(() => read(text)).message, text).to.contain(`line ${expected}`);
  }

  it('law: whatever is changed in it, the events or the line refused are those of reading line by line', () => {
    const pieces = fc.constantFrom('\n', ',', '{', '}', '},{', '}\n{', '"', ' ', '[', '\\', '\r', 'x', '1', '');
    const change = fc.tuple(fc.nat(log.length), fc.nat(3), pieces);
    fc.assert(
      fc.property(fc.array(change, {minLength: 1, maxLength: 3}), (changes) => {
        let text = log;
        for (const [at, removed, put] of changes) text = text.slice(0, at) + put + text.slice(at + removed);
        agrees(text);
      }),
      {numRuns: 300},
    );
  });

  it('refuses two events in one line, also where another takes two lines, so that the numbers of both are equal', () => {
    const [first = '', second = '', third = '', ...others] = log.split('\n');
    agrees([`${first},${second}`, third, ...others].join('\n'));
    const broken = third.indexOf(',"');
    const halves = [`${third.slice(0, broken)}`, third.slice(broken + 1)];
    agrees([`${first},${second}`, ...halves, ...others].join('\n'));
    agrees([`${first},${second}`, `${third.slice(0, broken)},`, third.slice(broken + 1), ...others].join('\n'));
  });

  it('knows events by how their lines start: none has an object within that starts like one', () => {
    for (const event of everyEvent) {
      expect(JSON.stringify(event).lastIndexOf('{"type":"'), event.type).to.equal(0);
    }
  });

  it('refuses an unknown key and says which', () => {
    const error = thrown(() => read(asLines([{...everyEvent[0], sed: 7}])));
    expect(error.message).to.match(/E_RECORD: .*line 1 .*version of Accrete[\s\S]*"sed"/);
  });

  it('refuses missing, doubled and swapped lines', () => {
    const [first, second, third] = everyEvent;
    for (const events of [[first, third], [first, first], [second, first], [second]]) {
      expect(thrown(() => read(asLines(events))).message).to.match(
        /E_RECORD: .*expected seq \d, got \d.*delete the run/,
      );
    }
  });

  it('says what is missing where there is no log', () => {
    const error = thrown(() => readEvents(join(folder(), 'none.jsonl')));
    expect(error.message).to.match(/^E_RECORD: cannot read .*none\.jsonl.*is this one\?/);
  });
});

describe('reading a run folder', () => {
  const folder = useFolder();
  const write = (name: string, value: unknown) => writeFileSync(join(folder(), name), JSON.stringify(value));
  beforeEach(() => {
    write('config.json', config);
    write('env.json', environment);
    write('status.json', status);
    writeFileSync(join(folder(), 'events.jsonl'), log);
  });

  it('gives its small files whole, and outcomes on request in the order of writing', () => {
    const one = Int32Array.of(1);
    const table = {
      evalTask: one,
      example: one,
      label: one,
      prediction: one,
      score: Float32Array.of(0.5),
      loss: Float32Array.of(2),
      inferredTask: one,
    };
    mkdirSync(join(folder(), 'outcomes'));
    for (const after of [2, 1000, -1, 999, 0]) {
      writeFileSync(
        join(folder(), 'outcomes', outcomesFile(after)),
        encodeOutcomes({...table, label: Int32Array.of(after)}),
      );
    }
    writeFileSync(join(folder(), 'outcomes', '.after-003.arrow.1.tmp'), 'half');
    const run = readRun(folder());
    expect(run).to.deep.include({folder: folder(), config, environment, status, events: everyEvent, torn: false});
    expect(run.outcomeFiles).to.deep.equal([-1, 0, 2, 999, 1000].map(outcomesFile));
    expect(run.outcomeFiles.map((name) => run.outcomes(name).label[0])).to.deep.equal([-1, 0, 2, 999, 1000]);
    expect(thrown(() => run.outcomes('after-007.arrow')).code).to.equal('E_RECORD');
  });

  it('takes plain files alone: no links, no pipes or folders, nothing of more than 256 MiB', () => {
    const place = (name: string) => join(folder(), name);
    renameSync(place('status.json'), place('elsewhere'));
    symlinkSync(place('elsewhere'), place('status.json'));
    expect(thrown(() => readRun(folder())).message).to.match(/E_RECORD: .*status\.json is a symbolic link/);
    rmSync(place('status.json'));
    mkdirSync(place('status.json'));
    expect(thrown(() => readRun(folder())).message).to.match(/E_RECORD: .*status\.json is expected to be a file/);
    truncateSync(place('events.jsonl'), 2 ** 28 + 1);
    expect(thrown(() => readRun(folder())).message).to.match(/E_RECORD: .*events\.jsonl has 268435457 bytes/);
    rmSync(place('status.json'), {recursive: true});
    write('status.json', status);
    writeFileSync(place('events.jsonl'), log);
    symlinkSync(folder(), place('outcomes'));
    expect(thrown(() => readRun(folder())).message).to.match(/E_RECORD: .*outcomes is a symbolic link/);
    rmSync(place('outcomes'));
    write('outcomes', status);
    expect(thrown(() => readRun(folder())).message).to.match(/E_RECORD: .*outcomes is expected to be a folder/);
  });

  it('judges what it opens: a link or a pipe put in the place of a file is never read, whenever it comes', async () => {
    const place = (name: string) => join(folder(), name);
    writeFileSync(place('secret'), 'none of our business');
    writeFileSync(place('plain'), JSON.stringify(status));
    execFileSync('mkfifo', [place('pipe')]);
    // Puts them in turn in the place of one file, as fast as it can.
    const swapping = `
      const {linkSync, renameSync, symlinkSync} = require('node:fs');
      const {parentPort, workerData: {at, folder}} = require('node:worker_threads');
      const next = folder + '/next';
      parentPort.postMessage('ready');
      for (;;) {
        linkSync(folder + '/plain', next);
        renameSync(next, at);
        symlinkSync(folder + '/secret', next);
        renameSync(next, at);
        linkSync(folder + '/pipe', next);
        renameSync(next, at);
      }
    `;
    const worker = new Worker(swapping, {eval: true, workerData: {at: place('status.json'), folder: folder()}});
    try {
      await once(worker, 'message');
      const seen = {file: 0, link: 0, pipe: 0};
      while (Object.values(seen).some((times) => times < 300)) {
        try {
          expect(readJson(place('status.json'), statusSchema)).to.deep.equal(status);
          seen.file++;
        } catch (error) {
          if (!isHarnessError(error)) throw error;
          expect(error.message).to.match(/is a symbolic link and was not followed|is expected to be a file/);
          seen[error.message.includes('link') ? 'link' : 'pipe']++;
        }
      }
    } finally {
      await worker.terminate();
    }
  });

  it('has no outcome files before the first evaluation', () => {
    expect(readRun(folder()).outcomeFiles).to.deep.equal([]);
  });

  it('refuses small files that are missing, damaged, or of another version, naming them', () => {
    for (const name of ['config.json', 'env.json', 'status.json']) {
      const before = {'config.json': config, 'env.json': environment, 'status.json': status}[name];
      write(name, {...before, version: 2});
      expect(thrown(() => readRun(folder())).message).to.match(new RegExp(`E_RECORD: .*${name}.*its version is 2`));
      writeFileSync(join(folder(), name), '{"version": 1,');
      expect(thrown(() => readRun(folder())).message).to.match(new RegExp(`E_RECORD: .*${name} is not JSON`));
      write(name, before);
    }
    expect(thrown(() => readRun(join(folder(), 'elsewhere'))).code).to.equal('E_RECORD');
  });

  it('reads JSON against a schema: status and environment are strict', () => {
    const at = (name: string) => join(folder(), name);
    expect(readJson(at('status.json'), statusSchema)).to.deep.equal(status);
    expect(readJson(at('env.json'), environmentSchema)).to.deep.equal(environment);
    write('status.json', {...status, state: 'paused'});
    expect(thrown(() => readJson(at('status.json'), statusSchema)).message).to.match(/at state/);
    write('env.json', {...environment, host: 'x'});
    expect(thrown(() => readJson(at('env.json'), environmentSchema)).message).to.contain('"host"');
  });
});
