import {freeze, growModules, type Network, reroute, type Site, withParameters} from '@accrete/core';
import {define, type HostArray, type SeedStream} from '@accrete/kit';
import * as z from 'zod';
import type {AlongPathRequest} from '../training/along-path.ts';
import {growthNote} from './growth-note.ts';
import {type Chosen, withChosen} from './lmc-choice.ts';
import {errorsByModule, moments} from './lmc-errors.ts';
import {type Judging, leastRecognised, type Usual} from './lmc-outliers.ts';
import {structuralPart} from './lmc-step.ts';
import type {Change, Context, Entry, Strategy, StrategyState} from './strategy.ts';

/**
 * Local module composition: every module knows by an autoencoder of its own what it was trained on; modules of a layer share the
 * work by how well they reconstruct what comes in, and a layer grows when none of its modules recognises it.
 *
 *   e_m(h)   = mean over features of (D_m relu(E_m h) - h)^2
 *   y        = sum_m alpha_m(h) f_m(h),   alpha_m ~ e_m^(-1 / temperature) * p_m
 *   z_m(b)   = (mean of e_m over batch b - mu_m) / (sigma_m / sqrt(size of b))
 *              mu, sigma: mean and standard deviation of e_m over the examples that m was trained on
 *   layer l gets a module where every module there is frozen and in some batch all of them have |z_m(b)| > threshold
 *
 * In the paper the prior p_m is (mean of e_m over the batch)^(-1 / priorTemperature), and batches hold one task. Here predictions
 * depend on no other example, so it is one of two:
 *
 *   example   that of a batch of one: p_m = e_m^(-1 / priorTemperature)
 *   task      that of the task's training examples at temperature 0: 1 for the module with the lowest mean error when the task
 *             comes, or the new one where the layer grows, and 0 for the others. Predictions then need the task, given or inferred.
 *
 * A new module and its autoencoder start as copies of the module with the lowest error, and its autoencoder learns from all examples
 * of the task. Layers are looked at from the bottom up. After each that grows comes a phase of `projectionEpochs`, in which new
 * modules also learn to put out what wholly frozen layers above recognise: the errors there, each module's by its share, are added
 * to the loss. At the end of a task all modules are frozen.
 *
 * The network's own layers take no part; the strategy sets routing to `reconstruction` and aggregation to `mixture`.
 *
 * @param options.threshold of |z|.
 * @param options.batch examples of a batch that layers are judged by: 64 in the paper, whatever the run trains by.
 * @param options.width of an autoencoder's code. @param options.priorTemperature of the prior by example.
 * @param options.weight of the autoencoders' errors in the loss.
 * @param options.rate of the autoencoders' steps to those that the optimiser would take: their own learning rate over the run's.
 * @param options.examples most training examples that a layer is judged by.
 */
export const lmc = define({
  kind: 'lmc',
  summary: 'LMC: modules share work by what they can reconstruct; a layer grows when none recognises what comes in.',
  source: {
    cite: 'Ostapenko et al. 2021 (LMC), and its code',
    url: 'https://arxiv.org/abs/2111.07736',
    deviations: [
      "autoencoders of a module's input, not decoders of its output",
      'the prior is that of a batch of one, or of the task at temperature 0: no prediction depends on the batch',
      'outliers are looked for once per task and layer, in as many passes over its examples as the task trains, not at every step',
      'mean and deviation of errors are taken when a task ends, not over the last 100 steps, in which the module still learns',
      'a new module shares the examples of its task with the others by its errors, where it gets all that no other recognises',
      'what a task leaves is its last state, not the one that was best on validation',
      'heads are as the scenario asks: they have no autoencoders',
    ],
  },
  options: {
    threshold: z.number().min(0).default(4).describe('|z| above which a module does not recognise a batch'),
    batch: z.int().min(1).default(64).describe('examples of a batch that layers are judged by'),
    width: z.int().min(1).default(16).describe("width of an autoencoder's code"),
    temperature: z.number().positive().default(0.1).describe('divides the logarithm of errors'),
    priorTemperature: z.number().positive().default(0.1).describe('divides it in the prior by example'),
    prior: z
      .enum(['example', 'task'])
      .default('example')
      .describe('whose errors the prior is made of: an example, or the task, whose id must be given'),
    weight: z.number().positive().default(10).describe("of the autoencoders' errors in the loss"),
    rate: z.number().positive().default(1).describe("the autoencoders' learning rate, as a multiple of the run's"),
    projectionEpochs: z
      .int()
      .min(0)
      .default(1)
      .describe('epochs after each layer that grows, before the next is judged'),
    examples: z.int().min(1).default(1000).describe('most training examples that a layer is judged by'),
  },
  create: ({threshold, batch, width, prior, weight, rate, projectionEpochs, examples, ...given}): Strategy => {
    const temperature = 1 / (1 / given.temperature + 1 / given.priorTemperature);
    return {
      taskSpecific: prior === 'task',
      mixesTasks: false,
      rehearsalRows: 0,
      plan: ({task, network, state, seeds, epochs}) => {
        if (task.index === 0) {
          // The errors are in the loss by `structuralPart`.
          const routing = {kind: 'reconstruction', width, temperature, by: 'logarithm', weight: 0};
          return firstModules(reroute(network, {routing, aggregation: {kind: 'mixture'}}), seeds.fork('init'));
        }
        const {network: still, frozen} = freeze(network, ({id}) => !id.startsWith('head/'));
        const layers = network.topology.sites.map(({id}) => ({name: layerPhase(id), epochs: projectionEpochs}));
        return {
          network: still,
          state: remembering(state, {passes: epochs, projecting: true}),
          phases: [...layers, {name: 'train', epochs}],
          growth:
            frozen.length > 0 ? [growthNote('freeze', frozen, 'what earlier tasks learned never moves again')] : [],
        };
      },
      enter: async (context) => {
        const site = context.network.topology.sites.find(({id}) => context.phase.name === layerPhase(id));
        if (site === undefined) return {state: remembering(context.state, {projecting: false})};
        const {passes} = memoryOf(context.state);
        const {taking, ...entry} = await grownWhereStrange(context, site, {
          threshold,
          examples,
          judging: {batch, passes},
        });
        return prior === 'example' ? entry : {...entry, state: choosing(context, site, taking)};
      },
      step: (context) => {
        const {projecting} = memoryOf(context.state);
        return structuralPart(context, {weight, rate, temperature, projecting, chosen: chosenFor(context)});
      },
      consolidate: async (context) => {
        const {network, state} = context;
        const errors = await errorsByModule(asChosen(context), examples);
        const learned = network.topology.sites.flatMap(({modules}) => modules.filter(({frozen}) => !frozen));
        const usual = Object.fromEntries(learned.map(({id}) => [id, moments(errors[id]!)]));
        return {state: remembering(state, {usual: {...memoryOf(state).usual, ...usual}})};
      },
      view: ({network, state, task}) => withChosen(network, memoryOf(state).chosen[task] ?? {}),
    };
  },
});

/** What is kept in the strategy's state. */
type Memory = {
  /** Errors on what it was trained on, by the module's id. */
  readonly usual: Readonly<Record<string, {readonly [K in keyof Usual]: number}>>;
  /** Epochs of the task under way. */
  readonly passes: number;
  readonly projecting: boolean;
  /** Of the prior by task: the module that takes part, by task and site. */
  readonly chosen: Readonly<Record<string, Chosen>>;
};

const noMemory: Memory = {usual: {}, passes: 1, projecting: false, chosen: {}};

function memoryOf({values}: StrategyState): Memory {
  return {...noMemory, ...(values as Partial<Memory>)};
}

function remembering(state: StrategyState, changed: Partial<Memory>): StrategyState {
  return {values: {...memoryOf(state), ...changed}, arrays: state.arrays};
}

function chosenFor({task, state}: Context): Chosen {
  return memoryOf(state).chosen[task.index] ?? {};
}

/** The same with the network as the task's examples see it. */
function asChosen<C extends Context>(context: C): C {
  return {...context, network: withChosen(context.network, chosenFor(context))};
}

function choosing(context: Context, {id}: Site, module: string): StrategyState {
  const {chosen} = memoryOf(context.state);
  return remembering(context.state, {
    chosen: {...chosen, [context.task.index]: {...chosenFor(context), [id]: module}},
  });
}

const layerPhase = (site: string): string => `grow ${site}`;

/** A module at every site, of the kind of its base, which takes no part. */
function firstModules(routed: Network, seeds: SeedStream): Change {
  let network = freeze(routed, ({id}) => id.endsWith('/base')).network;
  const added: string[] = [];
  let parametersAdded = 0;
  for (const {id, base} of routed.topology.sites) {
    const grown = growModules(network, {task: 0, computation: base.computation, sites: [id]}, seeds);
    network = grown.network;
    added.push(...grown.added);
    parametersAdded += grown.parametersAdded;
  }
  return {network, growth: [growthNote('add', added, 'the first module of every layer', parametersAdded)]};
}

async function grownWhereStrange(
  context: Context & AlongPathRequest,
  site: Site,
  {threshold, examples, judging}: {readonly threshold: number; readonly examples: number; readonly judging: Judging},
): Promise<Entry & {readonly taking: string}> {
  const {task, network, state, seeds} = context;
  const found = await errorsByModule(asChosen(context), examples);
  const errors = site.modules.map(({id}) => found[id]!);
  const {usual} = memoryOf(state);
  const known = site.modules.map(({id}) => usual[id]!);
  const scores = leastRecognised(errors, known, judging, seeds.fork('batches'));
  const written = site.modules.map(({id}, j) => `${id} ${scores[j]!.toFixed(2)}`).join(', ');
  const means = errors.map((own) => moments(own).mean);
  const closest = site.modules[means.indexOf(Math.min(...means))]!;
  if (scores.some((z) => Math.abs(z) <= threshold)) {
    const recognising = site.modules.filter((_, j) => Math.abs(scores[j]!) <= threshold).map(({id}) => id);
    const reason = `every batch is recognised: z at most ${written}; threshold ${threshold}; closest is ${closest.id}`;
    return {growth: [growthNote('reuse', recognising, reason)], skip: true, taking: closest.id};
  }
  const growth = {task: task.index, computation: site.base.computation, sites: [site.id]};
  const grown = growModules(network, growth, seeds.fork('init'));
  const reason = `no module recognises a batch: z ${written}; threshold ${threshold}; starts as ${closest.id}`;
  const taking = `${site.id}/module:${task.index}`;
  return {
    network: copied(grown.network, closest.id, taking),
    growth: [growthNote('add', grown.added, reason, grown.parametersAdded)],
    taking,
  };
}

/** The network with the parameters of a module and its gate put into another's. */
function copied(network: Network, from: string, to: string): Network {
  const gate = (id: string): string => id.replace('/module:', '/gate/module:');
  const pairs = [
    [from, to],
    [gate(from), gate(to)],
  ] as const;
  const replaced: Record<string, HostArray<'float32'>> = {};
  for (const [source, target] of pairs) {
    for (const [path, array] of Object.entries(network.parameters)) {
      if (path.startsWith(`${source}/`)) replaced[`${target}${path.slice(source.length)}`] = array;
    }
  }
  return withParameters(network, replaced);
}
