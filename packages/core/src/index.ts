export type {Aggregator, SiteCall} from './aggregation/aggregator.ts';
export {concatenation} from './aggregation/concatenation.ts';
export {aggregators} from './aggregation/registry.ts';
export {sum} from './aggregation/sum.ts';
export {dense} from './modules/dense.ts';
export {lowRank} from './modules/low-rank.ts';
export type {Computation, ModuleTensors, SiteShape} from './modules/module.ts';
export {computations} from './modules/registry.ts';
export {type Architecture, architectures, mlp, type Purpose} from './network/build.ts';
export {type Forward, forward, type PathTensors} from './network/forward.ts';
export {frozenHashes, initialParameters, type Network, networkSize, validateNetwork} from './network/network.ts';
export {
  headInputs,
  type Path,
  type PathModule,
  type PathSite,
  type PathSpec,
  pathOf,
  segmentsFor,
  widthAfter,
} from './network/path.ts';
export {freeze, type Grown, growHead, growModules, reinitialise, withParameters} from './network/surgery.ts';
export {
  type Activation,
  allModules,
  type Head,
  type HeadKind,
  type InputSpec,
  type ModuleSpec,
  type Segment,
  type Site,
  type Topology,
} from './network/topology.ts';
export {adam, adamw} from './optimizers/adam.ts';
export {
  type Optimizer,
  type OptimizerState,
  type SlotSpec,
  type Slots,
  slotKey,
  withSlots,
} from './optimizers/optimizer.ts';
export {optimizers} from './optimizers/registry.ts';
export {rmsprop} from './optimizers/rmsprop.ts';
export {sgd} from './optimizers/sgd.ts';
export {type Initializer, initializers} from './parameters/initializers.ts';
export {
  below,
  countBytes,
  countWeights,
  hashBelow,
  type ParameterPath,
  type ParameterSpec,
  type Parameters,
} from './parameters/parameters.ts';
export {decodeSafetensors, encodeSafetensors, type SafetensorsFile} from './parameters/safetensors.ts';
export {byTask} from './routing/by-task.ts';
export {routers} from './routing/registry.ts';
export type {Candidate, Router} from './routing/router.ts';
export {upToTask} from './routing/up-to-task.ts';
