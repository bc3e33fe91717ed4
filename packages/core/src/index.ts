export type {Aggregator, ModuleAtSite, Scoring, SiteCall} from './aggregation/aggregator.ts';
export {attentionFusion} from './aggregation/attention-fusion.ts';
export {concatenation} from './aggregation/concatenation.ts';
export {inputConcatenation} from './aggregation/input-concatenation.ts';
export {mixture} from './aggregation/mixture.ts';
export {parameterAverage} from './aggregation/parameter-average.ts';
export {program} from './aggregation/program.ts';
export {aggregators} from './aggregation/registry.ts';
export {sequence} from './aggregation/sequence.ts';
export {stack} from './aggregation/stack.ts';
export {sum} from './aggregation/sum.ts';
export {diagnoseCoAdaptation, diagnoseDrift, diagnoseLeakage} from './diagnostics/comparisons.ts';
export {type Diagnosis, diagnosisOf, type Failure, failureLimits} from './diagnostics/failure.ts';
export {diagnoseHardening, type HardeningDiagnosis, hardened} from './diagnostics/hardening.ts';
export type {LoadDiagnosis} from './diagnostics/load.ts';
export {
  diagnoseRouting,
  type RoutingDiagnosis,
  type RoutingFailure,
  type RoutingThresholds,
} from './diagnostics/routing.ts';
export type {SpecialisationDiagnosis} from './diagnostics/specialisation.ts';
export {diagnoseOverfit, diagnoseSummaries} from './diagnostics/summaries.ts';
export {type RoutingSummary, type RoutingTally, routingTally} from './diagnostics/tally.ts';
export {artefactOf, baseHash, type ModuleArtefact} from './library/artefact.ts';
export {type Attachment, attachModule} from './library/attach.ts';
export {averageModules, type Composition, composeModules} from './library/compose.ts';
export {detachModules} from './library/detach.ts';
export {LIBRARY_VERSION, type ModuleManifest, type Provenance} from './library/manifest.ts';
export {type BeforeMerge, mergeModule, unmergeModule} from './library/merge.ts';
export {inspectModule, type ListedModule, listModules, loadModule, saveModule} from './library/store.ts';
export {adapter} from './modules/adapter.ts';
export {attention} from './modules/attention.ts';
export {batchEnsemble} from './modules/batch-ensemble.ts';
export {batchNorm} from './modules/batch-norm.ts';
export {bitfit} from './modules/bitfit.ts';
export {compacter} from './modules/compacter.ts';
export {conv2d} from './modules/conv2d.ts';
export {dense} from './modules/dense.ts';
export {diffHardConcrete} from './modules/diff-hard-concrete.ts';
export {embedding} from './modules/embedding.ts';
export {film} from './modules/film.ts';
export {groupNorm} from './modules/group-norm.ts';
export {hypernetwork} from './modules/hypernetwork.ts';
export {ia3} from './modules/ia3.ts';
export {identity} from './modules/identity.ts';
export {intrinsicDimension} from './modules/intrinsic-dimension.ts';
export {invertCouplings, invertible} from './modules/invertible.ts';
export {lateral} from './modules/lateral.ts';
export {layerNorm} from './modules/layer-norm.ts';
export {lowRank} from './modules/low-rank.ts';
export {mask} from './modules/mask.ts';
export {
  type Base,
  type Computation,
  type Context,
  evaluation,
  type ModuleCall,
  type ModuleTensors,
  type SiteShape,
} from './modules/module.ts';
export {patches} from './modules/patches.ts';
export {ejectPrefix, prefix} from './modules/prefix.ts';
export {prompt} from './modules/prompt.ts';
export {recurrent} from './modules/recurrent.ts';
export {computations} from './modules/registry.ts';
export {residualAdapter} from './modules/residual-adapter.ts';
export {side} from './modules/side.ts';
export {sparseDelta} from './modules/sparse-delta.ts';
export {superposition} from './modules/superposition.ts';
export type {Architecture, InputPurpose, Purpose, Stage, StageCall} from './network/architectures/architecture.ts';
export {cnn} from './network/architectures/cnn.ts';
export {gru} from './network/architectures/gru.ts';
export {mlp} from './network/architectures/mlp.ts';
export {architectures} from './network/architectures/registry.ts';
export {resnet18} from './network/architectures/resnet18.ts';
export {transformer} from './network/architectures/transformer.ts';
export {type Forward, forward} from './network/forward.ts';
export {
  frozenHashes,
  initialParameters,
  type Network,
  networkSize,
  parametersOf,
  validateNetwork,
} from './network/network.ts';
export {decodeNetwork, encodeNetwork} from './network/network-file.ts';
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
export {
  type LeadingPart,
  leading,
  leadingPart,
  type PathTensors,
  readsInput,
  type Settled,
  type Start,
  settledPart,
  settledValues,
} from './network/stages.ts';
export {
  assign,
  freeze,
  type Grown,
  type Growth,
  growGates,
  growHead,
  growModules,
  type Rerouting,
  reinitialise,
  reroute,
  withoutHead,
  withParameters,
} from './network/surgery.ts';
export {
  type Activation,
  allModules,
  allOwners,
  type Head,
  type HeadKind,
  type InputSpec,
  type ModuleSpec,
  type Owner,
  type Segment,
  type Site,
  type SupportSpec,
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
export {type Stepping, updateSideBySide} from './optimizers/side-by-side.ts';
export type {FloatType} from './parameters/element-types.ts';
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
export type {StoredArray} from './parameters/safetensors-header.ts';
export {type ArrayReader, safetensorsReader, shardsReader} from './parameters/safetensors-reader.ts';
export {assigned} from './routing/assigned.ts';
export {attentionRouter} from './routing/attention.ts';
export {byMetadata} from './routing/by-metadata.ts';
export {byTask} from './routing/by-task.ts';
export {componentAttention} from './routing/component-attention.ts';
export {crossStitch} from './routing/cross-stitch.ts';
export {expertChoice} from './routing/expert-choice.ts';
export {gumbelSigmoid} from './routing/gumbel-sigmoid.ts';
export {gumbelSoftmax} from './routing/gumbel-softmax.ts';
export {hash} from './routing/hash.ts';
export {nearestKeys} from './routing/nearest-keys.ts';
export {noisyTopK} from './routing/noisy-top-k.ts';
export {polytropon} from './routing/polytropon.ts';
export {reconstruction, reconstructionErrors, reconstructionScores} from './routing/reconstruction.ts';
export {routers} from './routing/registry.ts';
export {reinforce} from './routing/reinforce.ts';
export type {Candidate, Route, RouteCall, Router, TokenIds} from './routing/router.ts';
export {type AnnealingOptions, type AnnealingResult, anneal} from './routing/search/annealing.ts';
export {
  type Assignment,
  assignedRouting,
  type EvaluateAssignment,
  randomAssignment,
  type SearchSpace,
} from './routing/search/assignment.ts';
export {
  type Choices,
  type Expectation,
  type ExpectationCall,
  expectationStep,
} from './routing/search/expectation-maximisation.ts';
export {
  type TournamentOptions,
  type TournamentResult,
  tournament,
  tournamentRounds,
} from './routing/search/tournament.ts';
export {softmaxRouter} from './routing/softmax.ts';
export {switchRouter} from './routing/switch.ts';
export {upToTask} from './routing/up-to-task.ts';
export {type GradientConflict, gradientConflict} from './training/gradient-conflict.ts';
export type {JointBatch} from './training/joint-batch.ts';
export {diagnoseJointly, type JointDiagnosisRequest} from './training/joint-diagnosis.ts';
export {type JointEvaluator, type JointOutcome, jointEvaluator} from './training/joint-evaluator.ts';
export {type JointLosses, type JointRequest, type JointTrainer, jointTrainer} from './training/joint-trainer.ts';
export {auxiliaryLoss, negativeLogLikelihood, weightedMean} from './training/losses.ts';
export {oneHot} from './training/one-hot.ts';
export {type RuleExamples, type RuleMixture, ruleMixture} from './training/rule-mixture.ts';
export {drawTasks, type TaskSampling, taskSamplings} from './training/task-sampling.ts';
