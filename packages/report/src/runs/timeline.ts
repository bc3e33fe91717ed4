import type {RunEvent} from '@accrete/kit';

/** Something that happened in a run, and when. */
export interface Moment {
  /** Since the first event [ms]. */
  readonly atMs: number;
  /** The type of its event. */
  readonly what:
    | 'run-start'
    | 'run-resume'
    | 'task-start'
    | 'growth'
    | 'search'
    | 'evaluation'
    | 'task-end'
    | 'notice'
    | 'run-end';
  /** Undefined where it belongs to no task. */
  readonly task: number | undefined;
  readonly detail: string;
}

/** A timeline has at most so many moments; what is left out is said at its end. */
const MOST_MOMENTS = 300;

/**
 * The events of a log that a reader wants to see, in order, in words. The evaluations after a task are one moment; what is
 * logged all the time (progress, epochs, compilations, checkpoints) is left out.
 */
export function timelineOf(events: readonly RunEvent[]): Moment[] {
  const start = Date.parse(events[0]?.time ?? '');
  const moments: Moment[] = [];
  let evaluated: number | undefined;
  for (const event of events) {
    const repeated = event.type === 'evaluation' && event.afterTask === evaluated;
    evaluated = event.type === 'evaluation' ? event.afterTask : undefined;
    const told = repeated ? undefined : tell(event);
    if (told) moments.push({atMs: Date.parse(event.time) - start, ...told});
  }
  if (moments.length <= MOST_MOMENTS) return moments;
  const left = moments.length - MOST_MOMENTS;
  const last = moments[MOST_MOMENTS - 1]!;
  return [
    ...moments.slice(0, MOST_MOMENTS - 1),
    {...last, what: 'notice', detail: `... and ${left + 1} more, which are in events.jsonl.`},
  ];
}

function tell(event: RunEvent): Omit<Moment, 'atMs'> | undefined {
  switch (event.type) {
    case 'run-start':
      return {what: event.type, task: undefined, detail: `${event.tasks.length} tasks, engine ${event.engine}`};
    case 'run-resume':
      return {what: event.type, task: event.task, detail: `goes on at epoch ${event.epoch}, step ${event.step}`};
    case 'task-start':
      return {what: event.type, task: event.task, detail: `${event.name}; phases: ${event.phases.join(', ')}`};
    case 'growth':
      return {
        what: event.type,
        task: event.task,
        detail: `${event.change} ${event.modules.join(', ')}: ${event.reason}`,
      };
    case 'search': {
      const tried = event.candidates.map(({name, accuracy}) => `${name} ${accuracy?.toFixed(3) ?? 'not finite'}`);
      return {
        what: event.type,
        task: event.task,
        detail: `chose ${event.chosen} (${event.reason}) of ${tried.join(', ')}`,
      };
    }
    case 'evaluation': {
      const after = event.afterTask < 0 ? 'before any training' : `after task ${event.afterTask}`;
      return {what: event.type, task: event.afterTask < 0 ? undefined : event.afterTask, detail: after};
    }
    case 'task-end':
      return {what: event.type, task: event.task, detail: `${event.steps} steps`};
    case 'notice':
      return {what: event.type, task: undefined, detail: `${event.code}: ${event.message}`};
    case 'run-end':
      return {
        what: event.type,
        task: undefined,
        detail: event.reason === undefined ? event.status : `${event.status}: ${event.reason}`,
      };
    default:
      return undefined;
  }
}
