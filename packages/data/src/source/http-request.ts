import {request as httpRequest, type IncomingMessage} from 'node:http';
import {request as httpsRequest} from 'node:https';
import {dataError} from '../decode/data-error.ts';

/** How long a transfer may keep us waiting. */
export interface Patience {
  /** From the start to an established connection, name resolution included. */
  readonly connectMs: number;
  /** Without any byte, once connected. */
  readonly idleMs: number;
}

const REDIRECTS = 5;

/**
 * GET `url` from byte `from` on, following redirects. The body comes as it is sent: unlike `fetch`, nothing is
 * decompressed behind our back where a server declares a .gz file to be an encoding.
 *
 * @returns the response with its body unread; its `destroy()` is the caller's.
 * @throws HarnessError E_DATA for no connection in time, too many redirects or one from https to http; the system's
 *   error for names that do not resolve and connections that are refused or cut.
 */
export async function httpGet(
  url: string,
  from: number,
  patience: Patience,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  let target = new URL(url);
  for (let hop = 0; hop <= REDIRECTS; hop++) {
    const response = await getOnce(target, from, patience, signal);
    const {statusCode = 0, headers} = response;
    if (![301, 302, 303, 307, 308].includes(statusCode) || headers.location === undefined) return response;
    response.destroy();
    const next = new URL(headers.location, target);
    if (next.protocol !== 'https:' && !(next.protocol === 'http:' && target.protocol === 'http:')) {
      throw dataError(`${target.host} redirects to ${next.protocol}//, which is not safe`);
    }
    target = next;
  }
  throw dataError(`${url} redirects more than ${REDIRECTS} times`);
}

function getOnce(
  url: URL,
  from: number,
  {connectMs, idleMs}: Patience,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
      headers: {'user-agent': 'accrete', 'accept-encoding': 'identity', ...(from > 0 && {range: `bytes=${from}-`})},
      ...(signal && {signal}),
      agent: false,
    });
    const connecting = setTimeout(() => {
      request.destroy(dataError(`${url.host} gave no connection within ${connectMs / 1000} s`));
    }, connectMs);
    request.once('socket', (socket) => {
      socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => clearTimeout(connecting));
    });
    let received: IncomingMessage | undefined;
    request.setTimeout(idleMs, () => {
      // Once there is a response, its reader is who hears of the error.
      (received ?? request).destroy(dataError(`${url.host} sent nothing for ${idleMs / 1000} s`, {cut: true}));
    });
    request.once('error', (error) => {
      clearTimeout(connecting);
      reject(error);
    });
    request.once('response', (response) => {
      received = response;
      resolve(response);
    });
    request.end();
  });
}
