import type {Tensor, Tensor2D} from '@tensorflow/tfjs-core';
import type {ParameterSpec} from '../parameters/parameters.ts';

/** Widths at the place where a module stands: features that come in, and units of the base there. */
export interface SiteShape {
  readonly inputs: number;
  readonly units: number;
}

/** Parameters of one module as tensors, by the last part of their path. */
export type ModuleTensors = Readonly<Record<string, Tensor>>;

/**
 * A computation function: what a module with parameters phi computes from the hidden state at its site.
 *
 *   output = f(h; phi)         h [batch, inputs] -> [batch, width]
 *
 * An aggregator decides how outputs join the base's. Implementations are pure plain tfjs.
 */
export interface Computation {
  /** Where the survey places it. */
  readonly composition: 'parameter' | 'input' | 'function' | 'hypernetwork';
  /** Units that one module puts out at a site. */
  width(site: SiteShape): number;
  /** The parameters that one module owns at a site, by name. */
  parameters(site: SiteShape): Readonly<Record<string, ParameterSpec>>;
  /** h [batch, inputs] -> [batch, width]. Caller owns the result. */
  output(h: Tensor2D, parameters: ModuleTensors): Tensor2D;
  /** True where a new module's output is exactly 0, so that adding it to the base changes nothing. */
  readonly zeroAtStart: boolean;
}
