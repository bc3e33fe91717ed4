import * as z from 'zod';

/** What is measured of a module; the formulas are posthoc's, at `judge`. */
export const evidenceMeasures = [
  'accuracy',
  'accuracy-without',
  'sufficiency',
  'exclusivity',
  'necessity',
  'selectivity',
  'exclusive-part-necessity',
  'exclusive-part-selectivity',
  'half-sufficiency',
  'routed-sufficiency',
  'composability',
  'overlap-iou',
  'overlap-corrected',
  'overlap-io-min',
  'stability-corrected',
  'density',
  'bits',
  'entropy-bits',
  'expert-activation',
] as const;

/** What stands in for the module: the module itself, or a control. */
export const evidenceSubjects = ['module', 'random', 'magnitude', 'untrained', 'shuffled-tasks', 'full'] as const;

/** One number of evidence that a module is one, as the fields of an event. */
export const evidenceShape = {
  /** The method that found the module, by kind. */
  method: z.string(),
  /** The task whose module it is. */
  module: z.string(),
  subject: z.enum(evidenceSubjects),
  measure: z.enum(evidenceMeasures),
  /** The task that was answered, or the module that was compared with; null for measures of one module alone. */
  against: z.string().nullable(),
  /** The parameter, for measures per layer; null for the whole network. */
  layer: z.string().nullable(),
  /** The density that the method was asked for; null where it takes none. */
  asked: z.number().min(0).max(1).nullable(),
  /** Share of the weights that the module has, of all that its method may choose among. */
  density: z.number().min(0).max(1),
  seed: z.int().min(0),
  status: z.enum(['ok', 'undefined']),
  /** Why there is no value. */
  reason: z.string().nullable(),
  value: z.number().nullable(),
  /** Examples behind the value; 0 for measures of plans alone. */
  examples: z.int().min(0),
} as const;

/** One number of evidence. */
export type EvidenceRow = Readonly<z.output<z.ZodObject<typeof evidenceShape>>>;
