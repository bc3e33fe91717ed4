import {randomBytes} from 'node:crypto';
import {hostname} from 'node:os';

const host = hostname().replace(/[^A-Za-z0-9]/g, '_');

/** A name that no other process or call uses, and that tells who uses it: `<name>~<host>~<pid>~<random>`. */
export function ownedName(name: string): string {
  return `${name}~${host}~${process.pid}~${randomBytes(6).toString('hex')}`;
}

/** For a name made by `ownedName(name)`: is its process on this machine and gone? False for any other name. */
export function isAbandoned(owned: string, name: string): boolean {
  const [head, owner, pid] = owned.split('~');
  if (head !== name || owner !== host || !/^\d+$/.test(pid ?? '')) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
