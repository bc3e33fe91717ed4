import {readFileSync} from 'node:fs';
import {HarnessError, messageOf} from '@accrete/kit';
import {parseDocument} from 'yaml';

/** Reads an experiment from a YAML or JSON file. @throws HarnessError E_FILE, E_CONFIG naming line and column */
export function readConfigFile(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new HarnessError(
      'E_FILE',
      `cannot read the config ${file} (${messageOf(cause)}). Check the path.`,
      {file},
      cause,
    );
  }
  const document = parseDocument(text, {strict: true, uniqueKeys: true, prettyErrors: true});
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) throw new HarnessError('E_CONFIG', `${file} is not valid YAML: ${problem.message}`, {file}, problem);
  return document.toJS({maxAliasCount: 100});
}
