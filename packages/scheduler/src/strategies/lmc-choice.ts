import {type Network, withParameters} from '@accrete/core';
import {hostArray} from '@accrete/kit';

/** The only module that takes part at a site, by site. */
export type Chosen = Readonly<Record<string, string>>;

/** Moves what an autoencoder puts out so far from anything that its module takes nothing. */
export const OUT_OF_REACH = 1e9;

/** True for the parameter that makes a module stand aside, where another one was chosen at its site. */
export function standsAside(path: string, chosen: Chosen): boolean {
  const [, site, name] = /^(.+)\/gate\/(module:[^/]+)\/output$/.exec(path) ?? [];
  const only = site === undefined ? undefined : chosen[site];
  return only !== undefined && only !== `${site}/${name}`;
}

/** The network with all but the chosen modules out of reach. */
export function withChosen(network: Network, chosen: Chosen): Network {
  const moved = Object.entries(network.parameters)
    .filter(([path]) => standsAside(path, chosen))
    .map(([path, {data, shape}]) => {
      const values = Float32Array.from(data, (value) => value + OUT_OF_REACH);
      return [path, hostArray(values, shape, 'float32')] as const;
    });
  return moved.length === 0 ? network : withParameters(network, Object.fromEntries(moved));
}
