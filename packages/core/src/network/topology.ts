import type {ParsedConfig} from '@accrete/kit';

/** A module where it stands: everything but its parameters. Its parameters live below `id/`. */
export interface ModuleSpec {
  /** Path of the module, such as `layer0/base`, `layer1/module:3` or `head/segment:2`. */
  readonly id: string;
  /** Config of its computation function, defaults filled in. */
  readonly computation: ParsedConfig;
  /** Features that it reads. */
  readonly inputs: number;
  /** Units of the base at its site: what the computation takes as the site's width. */
  readonly units: number;
  /** Index of the task that brought it; null where it was there from the start. */
  readonly task: number | null;
  /** Frozen: left out of the differentiated set, and its content hash is checked after every task. */
  readonly frozen: boolean;
}

/** Element-wise non-linearities. */
export type Activation = 'relu' | 'tanh' | 'sigmoid' | 'gelu' | 'linear';

/** A place in the network where modules can stand beside a base. */
export interface Site {
  readonly id: string;
  readonly base: ModuleSpec;
  readonly modules: readonly ModuleSpec[];
  readonly routing: ParsedConfig;
  readonly aggregation: ParsedConfig;
  readonly activation: Activation;
}

/** A part of the head: the logits of some classes. */
export interface Segment extends ModuleSpec {
  /** Class labels of the data set, one per logit. */
  readonly classes: readonly number[];
}

/**
 * The head: its segments, and how they are offered.
 * `single`: one segment for all classes from the start. `per-task`: one segment per task, each on its own.
 * `growing`: one segment per task, all under one softmax.
 */
export interface Head {
  readonly kind: HeadKind;
  readonly segments: readonly Segment[];
  readonly computation: ParsedConfig;
}

/** How a network's head grows with tasks. */
export type HeadKind = 'single' | 'per-task' | 'growing';

/** What is done to the bytes of an image before the first layer: x = byte * scale[channel] + shift[channel]. */
export interface InputSpec {
  readonly features: number;
  readonly scale: readonly number[];
  readonly shift: readonly number[];
}

/** A network without its parameters: which modules sit where, which are frozen, which task brought them. JSON-able. */
export interface Topology {
  readonly input: InputSpec;
  readonly sites: readonly Site[];
  readonly head: Head;
}

/** Every module of a network: bases, modules, head segments, in order of depth. */
export function allModules(topology: Topology): readonly ModuleSpec[] {
  return [...topology.sites.flatMap((site) => [site.base, ...site.modules]), ...topology.head.segments];
}
