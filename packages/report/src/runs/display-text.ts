// Control and format characters (direction marks, zero-width marks, soft hyphens) and the two Unicode line ends.
const invisible = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/**
 * Text of unknown origin made fit to be shown: white space becomes one space, other control characters and direction
 * marks become U+FFFD, and what is longer than `limit` is cut with an ellipsis. It still has to be escaped for HTML.
 *
 * @param limit in UTF-16 code units; a surrogate pair is never cut in two.
 */
export function displayText(text: string, limit = 80): string {
  const clean = text
    .slice(0, limit * 4)
    .replace(/[\t\n\r]+/g, ' ')
    .replace(invisible, '\ufffd')
    .trim();
  if (clean.length <= limit && text.length <= limit * 4) return clean;
  return `${clean.slice(0, limit - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** Indented JSON in which every invisible character is written as an escape: what is read is what is there. */
export function displayJson(value: unknown): string {
  return (JSON.stringify(value, null, 2) ?? 'null')
    .split('\n')
    .map((line) => line.replace(invisible, escaped))
    .join('\n');
}

function escaped(mark: string): string {
  return `\\u{${mark.codePointAt(0)!.toString(16)}}`;
}
