import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect} from 'chai';

const source = join(import.meta.dirname, '../src');
const read = (file: string): string => readFileSync(join(source, file), 'utf8');

/** What the package exports, with the file that each name is declared in. */
function exported(): readonly (readonly [name: string, file: string])[] {
  return [...read('index.ts').matchAll(/export (?:type )?\{([^}]*)\} from '\.\/([^']+)'/g)].flatMap(([, names, file]) =>
    names!
      .split(',')
      .map((name) => name.trim().replace('type ', ''))
      .filter((name) => name !== '')
      .map((name) => [name, file!] as const),
  );
}

/** What is missing in the docstring of an exported name. */
function missing(name: string, code: string): readonly string[] {
  const declared = new RegExp(`^export (?:async )?(?:const|function\\*?|interface|type|class) ${name}\\b`, 'm').exec(
    code,
  );
  if (!declared) return [`${name} is not declared there`];
  const before = code.slice(0, declared.index).trimEnd();
  if (!before.endsWith('*/')) return [`${name} has no docstring`];
  const doc = before.slice(before.lastIndexOf('/**'));
  const rest = code.slice(declared.index);
  const body = rest.slice(0, (/^\}/m.exec(rest)?.index ?? rest.length) + 1);
  const throws = /^export (?:async )?function/.test(body) && body.includes('new HarnessError(');
  return [
    ...(throws && !doc.includes('@throws') ? [`${name} throws, and does not say what`] : []),
    ...(/= define\(/.test(body.slice(0, 200)) && !/[sS]ource: /.test(doc) ? [`${name} names no source`] : []),
  ];
}

describe('the public API', () => {
  it('is documented: every export has a docstring, parts name their source, functions what they throw', () => {
    const names = exported();
    expect(names.length).to.be.greaterThan(150);
    expect(names.flatMap(([name, file]) => missing(name, read(file)))).to.deep.equal([]);
  });

  it('ablation: what is not documented is found', () => {
    const thrower = "export function f(): void {\n  throw new HarnessError('E_SHAPE', 'no.');\n}\n";
    expect(missing('f', thrower)).to.deep.equal(['f has no docstring']);
    expect(missing('f', `/** Does. */\n${thrower}`)).to.deep.equal(['f throws, and does not say what']);
    expect(missing('f', `/** Does. @throws HarnessError E_SHAPE */\n${thrower}`)).to.deep.equal([]);
    const part = '/** A part. */\nexport const part = define({\n});\n';
    expect(missing('part', part)).to.deep.equal(['part names no source']);
    expect(missing('g', part)).to.deep.equal(['g is not declared there']);
  });
});
