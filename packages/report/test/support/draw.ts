import {type LoggerInterface, parse, View} from 'vega';
import {expressionInterpreter} from 'vega-interpreter';
import {compile, type TopLevelSpec} from 'vega-lite';

/** A logger for which any warning is an error. */
export const strictLogger: LoggerInterface = {
  level: (() => 1) as LoggerInterface['level'],
  error: refuse,
  warn: refuse,
  info: () => strictLogger,
  debug: () => strictLogger,
};

function refuse(...messages: readonly unknown[]): LoggerInterface {
  throw new Error(`vega says: ${messages.join(' ')}`);
}

/** Draw a chart without a browser, 320 px wide, as the page does: with the interpreter, no eval. */
export async function draw(spec: TopLevelSpec): Promise<string> {
  const sized = {...spec, width: 320} as TopLevelSpec; // There is no container to ask.
  const view = new View(parse(compile(sized, {logger: strictLogger}).spec, undefined, {ast: true}), {
    renderer: 'none',
    expr: expressionInterpreter,
    logger: strictLogger,
  });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
