import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import {HarnessError} from '@accrete/kit';

const require = createRequire(import.meta.url);

let cached: readonly string[] | undefined;

/**
 * The scripts that draw the charts, as text: vega and its interpreter. They are read once.
 *
 * @throws HarnessError E_FILE where one is not installed.
 */
export function libraryScripts(): readonly string[] {
  cached ??= [withoutSourceMap(readBeside('vega', 'vega.min.js')), interpreter()];
  return cached;
}

function readBeside(name: string, file: string): string {
  try {
    return readFileSync(join(dirname(require.resolve(name)), file), 'utf8');
  } catch (cause) {
    throw new HarnessError(
      'E_FILE',
      `the browser build of ${name} (${file}) cannot be read. Run npm ci.`,
      {name},
      cause,
    );
  }
}

// The interpreter comes as a module only. Its one import is of vega-util, which vega carries whole.
function interpreter(): string {
  const module = withoutSourceMap(readBeside('vega-interpreter', 'vega-interpreter.js'));
  const body = module
    .replace(/^import (\{[^}]*\}) from 'vega-util';$/m, 'const $1 = vega;')
    .replace(/^export \{ expression as expressionInterpreter \};$/m, 'globalThis.vegaInterpreter = expression;');
  if (/^(import|export)\b/m.test(body) || body === module) {
    throw new HarnessError(
      'E_FILE',
      'vega-interpreter is not built as expected. Run npm ci to get the pinned version.',
    );
  }
  return `(() => {\n${body}\n})();`;
}

function withoutSourceMap(script: string): string {
  return script.replace(/^\/\/# sourceMappingURL=.*$/m, '').trim();
}
