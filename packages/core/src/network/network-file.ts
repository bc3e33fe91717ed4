import {canonicalJson, contentHash, HarnessError, isHarnessError, messageOf} from '@accrete/kit';
import * as z from 'zod';
import type {Parameters} from '../parameters/parameters.ts';
import {decodeSafetensors, encodeSafetensors} from '../parameters/safetensors.ts';
import {type Network, validateNetwork} from './network.ts';
import type {Topology} from './topology.ts';

const PREFIX = 'parameter/';

const headerSchema = z.looseObject({
  topology: z.custom<Topology>((value) => typeof value === 'object' && value !== null && !Array.isArray(value)),
  parametersHash: z.string().optional(),
});

/** A network as one safetensors file: its parameters by path, its topology as JSON, and their content hash. */
export function encodeNetwork({topology, parameters}: Network): Uint8Array {
  const arrays = Object.fromEntries(Object.entries(parameters).map(([path, array]) => [`${PREFIX}${path}`, array]));
  const header = {format: 'accrete-network', version: 1, topology, parametersHash: contentHash(parameters)};
  return encodeSafetensors({arrays, metadata: {accrete: canonicalJson(header)}});
}

/**
 * The network of a file: one of `encodeNetwork`, or a checkpoint of a run folder, of which only the network is read.
 *
 * @param where names the file in errors.
 * @throws HarnessError E_FILE where it holds no network, or parameters that are missing, extra, misshapen or changed since.
 */
export function decodeNetwork(bytes: Uint8Array, where = 'network'): Network {
  const {arrays, metadata} = decodeSafetensors(bytes, where);
  const refuse = (problem: string, cause?: unknown): never => {
    throw new HarnessError('E_FILE', `${where} holds no network: ${problem}.`, {where}, cause);
  };
  let json: unknown;
  try {
    json = JSON.parse(metadata['accrete'] ?? 'null');
  } catch (cause) {
    return refuse(`its description is not JSON (${messageOf(cause)})`, cause);
  }
  const header = headerSchema.safeParse(json);
  if (!header.success) return refuse(`its description is not as expected\n${z.prettifyError(header.error)}`);
  const own = Object.entries(arrays).filter(([name]) => name.startsWith(PREFIX));
  const other = own.filter(([, {dtype}]) => dtype !== 'float32').map(([name]) => name);
  if (other.length > 0) return refuse(`${other.join(', ')} are not float32`);
  const parameters = Object.fromEntries(own.map(([name, array]) => [name.slice(PREFIX.length), array])) as Parameters;
  const network = {topology: header.data.topology, parameters};
  try {
    validateNetwork(network);
  } catch (cause) {
    // A topology that is not shaped like one fails in any way.
    return refuse(isHarnessError(cause) ? cause.message : `its topology is damaged (${messageOf(cause)})`, cause);
  }
  const {parametersHash} = header.data;
  if (parametersHash !== undefined && parametersHash !== contentHash(parameters))
    return refuse('its parameters are not those that it was written with');
  return network;
}
