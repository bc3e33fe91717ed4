import {promisify} from 'node:util';
import {gunzip as zlibGunzip} from 'node:zlib';
import {messageOf} from '@accrete/kit';
import {dataError} from './data-error.ts';

const inflate = promisify<Uint8Array, {maxOutputLength: number}, Buffer>(zlibGunzip);

/**
 * Decompress gzip, to at most `maximumBytes`: a small file that would unfold into gigabytes is refused.
 *
 * @throws HarnessError E_DATA where the input is not gzip, is cut short, is damaged (CRC), or unfolds to more.
 */
export async function gunzip(bytes: Uint8Array, maximumBytes: number): Promise<Uint8Array> {
  try {
    return await inflate(bytes, {maxOutputLength: maximumBytes});
  } catch (error) {
    const tooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw dataError(
      tooLarge
        ? `expected gzip data of at most ${maximumBytes} bytes when unpacked, got more.`
        : `expected whole gzip data, got ${bytes.length} bytes that do not unpack (${messageOf(error)}).`,
      {maximumBytes, foundBytes: bytes.length},
      error,
    );
  }
}
