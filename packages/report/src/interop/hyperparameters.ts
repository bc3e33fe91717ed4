import type {Json} from '@accrete/kit';
import type {RunEvidence} from '../runs/evidence.ts';
import {settingsOf} from '../runs/settings-of.ts';
import {bytesField, doubleField, integerField} from './protobuf.ts';

/** A value that TensorBoard's table of hyperparameters can hold. */
export type Hyperparameter = number | boolean | string;

/** A run as a session of TensorBoard's HParams plugin. */
export interface Session {
  readonly hyperparameters: ReadonlyMap<string, Hyperparameter>;
  /** Sessions of one group differ by seed alone, and the plugin shows the mean of their metrics. */
  readonly group: string;
  readonly startedMs: number;
  readonly endedMs: number;
  readonly state: RunEvidence['state'];
}

/** The config of a run, setting by setting; the seed is what tells the sessions of a group apart, and not among them. */
export function hyperparametersOf({config}: RunEvidence): ReadonlyMap<string, Hyperparameter> {
  const settings = settingsOf(config as Json).map(([path, text]) => [path, hyperparameter(text)] as const);
  return new Map(settings.sort(([a], [b]) => (a < b ? -1 : 1)));
}

// A text that was cut to be shown is JSON no more.
function hyperparameter(text: string): Hyperparameter {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string' ? value : text;
  } catch {
    return text;
  }
}

/**
 * Events that say where a session begins, and with what, and where it ends.
 *
 * Source: https://github.com/tensorflow/tensorboard, `plugins/hparams/plugin_data.proto` and `summary_v2.py`. The plugin finds out
 * the experiment from its sessions, so that no message of its own is needed for it.
 */
export function sessionEvents({hyperparameters, group, startedMs, endedMs, state}: Session): readonly Buffer[] {
  const entries = [...hyperparameters].map(([name, value]) =>
    bytesField(1, Buffer.concat([bytesField(1, name), bytesField(2, protobufValue(value))])),
  );
  const start = Buffer.concat([...entries, bytesField(4, group), doubleField(5, startedMs / 1000)]);
  const status = {done: 1, failed: 2, 'non-finite': 2, running: 3}[state];
  const end = Buffer.concat([integerField(1, status), doubleField(2, endedMs / 1000)]);
  return [
    event(startedMs, '_hparams_/session_start_info', bytesField(3, start)),
    event(endedMs, '_hparams_/session_end_info', bytesField(4, end)),
  ];
}

/** google.protobuf.Value */
function protobufValue(value: Hyperparameter): Buffer {
  if (typeof value === 'number') return doubleField(2, value);
  return typeof value === 'string' ? bytesField(3, value) : integerField(4, value ? 1 : 0);
}

/** An empty tensor of floats: {dtype = 1, tensor_shape = 2 {dim = 2 {}}}. A value without a tensor is not taken up. */
const emptyTensor = Buffer.concat([integerField(1, 1), bytesField(2, bytesField(2, ''))]);

// Event {wall_time = 1, summary = 5 {value = 1 {tag = 1, tensor = 8, metadata = 9 {plugin_data = 1 {plugin_name = 1, content = 2}}}}}.
function event(timeMs: number, tag: string, content: Buffer): Buffer {
  const metadata = bytesField(1, Buffer.concat([bytesField(1, 'hparams'), bytesField(2, content)]));
  const value = Buffer.concat([bytesField(1, tag), bytesField(8, emptyTensor), bytesField(9, metadata)]);
  return Buffer.concat([doubleField(1, timeMs / 1000), bytesField(5, bytesField(1, value))]);
}
