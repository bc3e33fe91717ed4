const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Markup that is safe to put into a page as it is: made by `html` alone. */
export interface Markup {
  readonly markup: string;
}

type Part = string | number | Markup | null | undefined | readonly Part[];

/** Text as HTML text or a quoted attribute value. */
export function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}

/**
 * Markup from a template: everything put in is escaped, but for markup, lists of it, and null or undefined (nothing).
 *
 *   html`<td>${name}</td>`
 */
export function html(literal: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return {markup: literal.reduce((text, piece, i) => text + rendered(parts[i - 1]) + piece)};
}

function rendered(part: Part): string {
  if (part === null || part === undefined) return '';
  if (Array.isArray(part)) return part.map(rendered).join('');
  if (typeof part === 'object') return (part as Markup).markup;
  return escapeText(String(part));
}

/** Own, constant markup such as a library's code. Never for text from runs. */
export function trusted(markup: string): Markup {
  return {markup};
}

/**
 * JSON for a data block in a page. No `<` is left in it, so nothing in it can end the block or open another.
 *
 * @throws HarnessError never: NaN and infinities become null, as in all JSON.
 */
export function embeddedJson(value: unknown): Markup {
  return {
    markup: JSON.stringify(value)
      .replaceAll('<', '\\u003c')
      .replaceAll('\u2028', '\\u2028')
      .replaceAll('\u2029', '\\u2029'),
  };
}
