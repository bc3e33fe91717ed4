import {createHash} from 'node:crypto';
import {HarnessError} from '@accrete/kit';
import {html, type Markup, trusted} from './escape.ts';
import {styleSheet} from './style.ts';

/** What a page is made of. */
export interface PageParts {
  readonly title: string;
  readonly body: Markup;
  /** Own, constant scripts, run in this order at the end of the page. */
  readonly scripts: readonly string[];
  /** True where the page asks its own server for news. */
  readonly live?: boolean;
}

/**
 * A page in one file that needs nothing else. Its content policy forbids the network, eval, and every script and style but those
 * whose hashes it lists.
 *
 * @throws HarnessError E_FILE where a script holds text that would end it.
 */
export function htmlDocument({title, body, scripts, live = false}: PageParts): string {
  for (const script of scripts) {
    if (/<\/script|<!--/i.test(script))
      throw new HarnessError('E_FILE', 'a chart library holds text that would end its script.');
  }
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${contentPolicy(scripts, live)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${title} · Accrete report</title>
<style>${trusted(styleSheet)}</style>
</head>
<body>
${body}
${scripts.map(
  (script) => html`<script>${trusted(script)}</script>
`,
)}
</body>
</html>
`.markup;
}

function contentPolicy(scripts: readonly string[], live: boolean): string {
  const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  return [
    "default-src 'none'",
    `script-src ${scripts.map(hash).join(' ') || "'none'"}`,
    `style-src ${hash(styleSheet)}`,
    ...(live ? ["connect-src 'self'"] : []),
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}
