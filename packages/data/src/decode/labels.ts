import {dataError} from './data-error.ts';

/**
 * Check that every label is one of `classes` classes.
 *
 * @throws HarnessError E_DATA naming the first label out of range and its example.
 */
export function checkLabels(labels: Uint8Array, classes: number, where: string): void {
  const at = labels.findIndex((label) => label >= classes);
  if (at >= 0) {
    throw dataError(`${where}: labels are 0 to ${classes - 1}, got ${labels[at]} at example ${at}.`, {
      classes,
      label: labels[at],
      example: at,
    });
  }
}
