// The lock file names no registry: every machine installs from its own.
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {root} from './ensure.mjs';

export function registryAddresses() {
  const {packages} = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Object.entries(packages)
    .filter(([, {resolved}]) => /^https?:/.test(resolved ?? ''))
    .map(
      ([name]) =>
        `${name} has an address: keep omit-lockfile-registry-resolved=true in .npmrc and make the lock file anew`,
    );
}
