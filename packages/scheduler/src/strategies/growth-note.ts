import type {GrowthNote} from './strategy.ts';

/** Something that happened to modules, as the log has it. @param parametersAdded float32 numbers that came with it */
export function growthNote(
  change: GrowthNote['change'],
  modules: readonly string[],
  reason: string,
  parametersAdded = 0,
): GrowthNote {
  return {change, modules: [...modules], reason, parametersAdded, bytesAdded: parametersAdded * 4};
}
