import type {Network} from '@accrete/core';
import type {Engine} from '@accrete/engine';
import type {EvidenceRow} from '@accrete/kit';
import {countOf, type TaskData} from '../data/examples.ts';
import {layerInputs} from '../network/layer-inputs.ts';
import {groupSums, reluMlp} from '../partition/experts.ts';
import type {Plan} from '../plan/plan.ts';

/**
 * What every expert of a partition puts out for every class: of all that a layer's units put out on the class's examples, the share
 * that is the expert's. Shares of a layer and class add up to 1; where nothing fires they are undefined.
 */
export async function expertRows(
  engine: Engine,
  network: Network,
  plan: Plan,
  data: TaskData,
): Promise<readonly EvidenceRow[]> {
  const mlp = reluMlp(network, data.task, 'expert activation');
  const states = await layerInputs(engine, network, mlp, data.examples);
  const classes = [...new Set(data.examples.labels)].sort((a, b) => a - b);
  return plan.partitions.flatMap(({kernel, groups, groupOf}) => {
    const depth = mlp.hidden.findIndex((layer) => layer.kernel === kernel);
    const sums = groupSums(states[depth + 1]!, groupOf.data, groups);
    return classes.flatMap((label) => {
      const totals = new Float64Array(groups);
      let count = 0;
      for (let n = 0; n < countOf(data.examples); n++) {
        if (data.examples.labels[n] !== label) continue;
        count++;
        for (let e = 0; e < groups; e++) totals[e] = totals[e]! + sums[n * groups + e]!;
      }
      const all = totals.reduce((sum, value) => sum + value, 0);
      return Array.from(
        totals,
        (total, e): EvidenceRow => ({
          method: plan.method.kind,
          module: `expert ${e}`,
          subject: 'module',
          measure: 'expert-activation',
          against: `class ${label}`,
          layer: kernel,
          asked: null,
          density: 1 / groups,
          seed: plan.provenance.seed,
          status: all > 0 ? 'ok' : 'undefined',
          reason: all > 0 ? null : 'no unit of the layer fires for the class',
          value: all > 0 ? total / all : null,
          examples: count,
        }),
      );
    });
  });
}
