// Finds cycles among the runtime imports of the compiled packages (types are gone there). Exports the list of problems.
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import {dirname, join, relative, resolve} from 'node:path';
import {root} from './ensure.mjs';

export function cycles() {
  const imports = new Map();
  for (const name of readdirSync(join(root, 'packages'))) {
    const folder = join(root, 'packages', name, 'dist');
    if (!existsSync(folder)) throw new Error(`${folder} is missing: build first`);
    for (const file of readdirSync(folder, {recursive: true}).filter((f) => f.endsWith('.js'))) {
      const at = join(folder, file);
      const text = readFileSync(at, 'utf8');
      const targets = [
        ...text.matchAll(/(?:^|\n)\s*(?:import|export)[^'"\n]*?from\s*'([^']+)'|(?:^|\n)import\s*'([^']+)'/g),
      ].map((m) => m[1] ?? m[2]);
      imports.set(
        at,
        targets
          .map((t) =>
            t.startsWith('.')
              ? resolve(dirname(at), t)
              : t.startsWith('@accrete/')
                ? join(root, 'packages', t.slice(9), 'dist/index.js')
                : null,
          )
          .filter(Boolean),
      );
    }
  }
  const state = new Map();
  const found = [];
  const visit = (file, path) => {
    if (state.get(file) === 'done') return;
    const at = path.indexOf(file);
    if (at >= 0) {
      found.push([...path.slice(at), file].map((f) => relative(root, f)).join(' -> '));
      return;
    }
    for (const next of imports.get(file) ?? []) visit(next, [...path, file]);
    state.set(file, 'done');
  };
  for (const file of imports.keys()) visit(file, []);
  return found;
}
