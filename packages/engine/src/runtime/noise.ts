import {type HostArray, hostArray, type SeedStream, sizeOf} from '@accrete/kit';

/** A declared noise input. */
export interface NoiseSpec {
  readonly name: string;
  readonly kind: 'uniform' | 'normal';
  readonly shape: readonly number[];
}

/**
 * The numbers of a declared noise, drawn from `stream.fork(name)`. So they depend on the stream's path and the name alone:
 * the stream is not advanced, and declaring another noise changes none of the others.
 *
 * Uniform numbers lie on a grid of 2^-24, which float32 holds exactly, so none of them rounds up to 1.
 */
export function drawNoise({name, kind, shape}: NoiseSpec, stream: SeedStream): HostArray<'float32'> {
  const source = stream.fork(name);
  const data = new Float32Array(sizeOf(shape));
  if (kind === 'uniform') for (let i = 0; i < data.length; i++) data[i] = (source.uint32() >>> 8) / 16777216;
  else for (let i = 0; i < data.length; i++) data[i] = source.normal();
  return hostArray(data, shape, 'float32');
}
