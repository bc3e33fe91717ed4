import {type EventOf, type EvidenceRow, eventSchema, HarnessError, messageOf} from '@accrete/kit';
import * as z from 'zod';
import type {Plan} from '../plan/plan.ts';
import {planSize} from '../plan/size.ts';

/** What every row about a module says of it. */
export type RowBase = Pick<EvidenceRow, 'method' | 'module' | 'asked' | 'density' | 'seed'>;

/** What rows about a plan, of the module `name`, have in common. */
export function rowBase(plan: Plan, name: string): RowBase {
  const {weights, kept} = planSize(plan);
  const asked = plan.method['density'];
  return {
    method: plan.method.kind,
    module: name,
    asked: typeof asked === 'number' ? asked : null,
    density: weights === 0 ? 1 : kept / weights,
    seed: plan.provenance.seed,
  };
}

/** Rows as a log of events, one per line. @param time when they were found. */
export function encodeEvidence(rows: readonly EvidenceRow[], time = new Date()): string {
  const at = time.toISOString();
  return rows.map((row, seq) => `${JSON.stringify({type: 'evidence', seq, time: at, ...row})}\n`).join('');
}

/** Reads rows of a log. @throws HarnessError E_RECORD naming the line that is none. */
export function decodeEvidence(text: string, where = 'evidence'): readonly EvidenceRow[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line, i) => {
    try {
      const event = eventSchema.parse(JSON.parse(line));
      if (event.type !== 'evidence') throw new Error(`an event of kind ${event.type}`);
      if (event.seq !== i) throw new Error(`expected seq ${i}, got ${event.seq}`);
      return rowOf(event);
    } catch (cause) {
      throw new HarnessError(
        'E_RECORD',
        `${where}, line ${i + 1} is no row of evidence: ${cause instanceof z.ZodError ? z.prettifyError(cause) : messageOf(cause)}`,
        {where, line: i + 1},
        cause,
      );
    }
  });
}

function rowOf({type: _, seq: __, time: ___, ...row}: EventOf<'evidence'>): EvidenceRow {
  return row;
}
