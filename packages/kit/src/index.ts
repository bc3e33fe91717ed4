export {
  type ArraySpec,
  arrayFromBytes,
  bitEqual,
  bytesOf,
  bytesPerElement,
  contentHash,
  type DataOf,
  type DType,
  type HostArray,
  hostArray,
  scalar,
  sizeBytes,
  sizeOf,
  zeros,
} from './array/host-array.ts';
export {type ErrorCode, HarnessError, isHarnessError, messageOf} from './errors/harness-error.ts';
export {canonicalJson, type Json, sha256} from './json/canonical.ts';
export {type SeedStream, seedStream} from './random/seed-stream.ts';
export {fileError, writeFileAtomic, writeWhole} from './record/atomic-write.ts';
export {type EventBody, type EventOf, eventSchema, type RunEvent} from './record/event.ts';
export {type EvidenceRow, evidenceMeasures, evidenceSubjects} from './record/evidence.ts';
export {decodeOutcomes, encodeOutcomes, type Outcomes, outcomesFile} from './record/outcomes.ts';
export {type EventLog, type RunRecord, readEvents, readJson, readRun, runFiles} from './record/run-folder.ts';
export {
  type Environment,
  environmentSchema,
  RECORD_VERSION,
  type RunConfigHeader,
  type RunStatus,
  runConfigHeaderSchema,
  statusSchema,
} from './record/status.ts';
export {
  type AnyDefinition,
  type ConfigInput,
  type Definition,
  type Description,
  define,
  family,
  type ParsedConfig,
  type Registry,
  type Source,
} from './registry/registry.ts';
