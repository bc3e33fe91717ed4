import {gunzipSync} from 'node:zlib';
import {HarnessError, messageOf} from '@accrete/kit';
import {buildReport, type Report} from '../report.ts';
import type {LoadedRuns} from '../runs/load-runs.ts';

/** More than any report carries; what unpacks to more is no report of ours. */
const LARGEST_EVIDENCE = 256 * 2 ** 20;

/**
 * The report that a saved page was made from, computed again from the evidence that the page carries.
 *
 * @param where names the page in messages.
 * @throws HarnessError E_RECORD where the page carries none, as the page of very many runs does, or none that this version reads.
 */
export function savedReport(page: string, where: string): Report {
  const packed = /<script type="application\/gzip" id="evidence-data">([A-Za-z0-9+/=]+)<\/script>/.exec(page)?.[1];
  if (packed === undefined) {
    throw new HarnessError(
      'E_RECORD',
      `${where} is no report that carries its evidence (those of very many runs do not). Give the run folders instead.`,
      {where},
    );
  }
  try {
    const text = gunzipSync(Buffer.from(packed, 'base64'), {maxOutputLength: LARGEST_EVIDENCE}).toString('utf8');
    const {title, ...loaded} = JSON.parse(text) as LoadedRuns & {readonly title: string};
    return buildReport(loaded, {title});
  } catch (cause) {
    throw new HarnessError(
      'E_RECORD',
      `the evidence in ${where} is not what this version of Accrete writes: ${messageOf(cause)}. Give the run folders instead.`,
      {where},
      cause,
    );
  }
}
