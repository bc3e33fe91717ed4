import {type Network, withParameters} from '@accrete/core';
import {type HostArray, hostArray} from '@accrete/kit';
import {type Row, targetOf} from '../streams/stream.ts';
import type {AlongPathRequest} from '../training/along-path.ts';
import {scaled, unitFeatures} from '../training/features.ts';

/** Name of a class's mean among a state's arrays. */
export const meanOf = (label: number): string => `mean/${label}`;

/**
 * Mean of the features of each class, every feature vector and the mean itself scaled to length 1: entries `mean/<class>` [units]
 * for a strategy's state.
 */
export async function classMeans(
  request: AlongPathRequest,
  exemplars: readonly Row[],
): Promise<Record<string, HostArray>> {
  const features = await unitFeatures(request, exemplars);
  const sums = new Map<number, Float32Array>();
  exemplars.forEach((row, i) => {
    const label = targetOf(request.stream, 'train', row);
    const sum = sums.get(label) ?? new Float32Array(features[i]!.length);
    sums.set(
      label,
      sum.map((value, d) => value + features[i]![d]!),
    );
  });
  return Object.fromEntries(
    [...sums].map(([label, sum]) => [meanOf(label), hostArray(scaled(sum), [sum.length], 'float32')]),
  );
}

/** The network with a head that gives the product of features and the means in a state; as it is before there are any. */
export function withMeans(network: Network, arrays: Readonly<Record<string, HostArray>>): Network {
  const replaced: Record<string, HostArray<'float32'>> = {};
  for (const {id, classes, inputs} of network.topology.head.segments) {
    if (!classes.some((label) => meanOf(label) in arrays)) continue;
    const kernel = new Float32Array(inputs * classes.length);
    classes.forEach((label, column) => {
      arrays[meanOf(label)]?.data.forEach((value, d) => {
        kernel[d * classes.length + column] = value;
      });
    });
    replaced[`${id}/kernel`] = hostArray(kernel, [inputs, classes.length], 'float32');
    replaced[`${id}/bias`] = hostArray(new Float32Array(classes.length), [classes.length], 'float32');
  }
  return withParameters(network, replaced);
}
