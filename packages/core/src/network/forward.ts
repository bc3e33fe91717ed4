import * as tf from '@tensorflow/tfjs-core';
import {type Context, evaluation} from '../modules/module.ts';
import {headLogits} from './head.ts';
import type {PathSpec} from './path.ts';
import type {SiteResult} from './site.ts';
import {owners, type PathTensors, runStages, type Start} from './stages.ts';

/** What a forward pass gives. The caller owns all of it. */
export interface Forward {
  /** [batch, classes of all segments] */
  readonly logits: tf.Tensor2D;
  /** What reaches the head, [batch, units]. */
  readonly features: tf.Tensor2D;
  /** Losses of routers and penalties of aggregators, weighted scalars to add to the task loss, by site and name. */
  readonly auxiliary: Readonly<Record<string, tf.Tensor>>;
  /** ln pi of all choices that routers made by the score function, [batch] [nats]; null where none did. */
  readonly logProbability: tf.Tensor | null;
  /** alpha by site, where a router weighed modules (once, where it decides for other sites too); of a site that runs once per position, that of the last one. */
  readonly routes: Readonly<Record<string, tf.Tensor>>;
  /** What reached each site that was computed, by its id, [batch, ..., inputs]; of one that runs once per position, the last. */
  readonly hidden: Readonly<Record<string, tf.Tensor>>;
  /** While training: new values of buffers, by local name. */
  readonly next: PathTensors;
}

/**
 * The modular function: at each site alpha = r(h, task), y = g(alpha, {f'(h; theta, phi_j)}), and the site's non-linearity; the
 * architecture wires the sites; then the head. Pure, plain tfjs; traced as it is.
 *
 * @param parameters one tensor per name in the path's `bind`; those of stages that are left out may be absent.
 * @param x what goes in, as the path's input says: images as int32 bytes 0..255 or ids of tokens, [batch, features]; vectors as
 *   float32. Null where a pass that begins later does not read it; see `readsInput`.
 * @param context what is known beside the input; that of evaluation where absent.
 * @param start where the pass begins, if not at the input.
 * @throws HarnessError E_SHAPE where x is null and the pass begins at the input; E_COMBINATION where what stands at a site cannot
 *   take what reaches it, such as scores by position of positions that are gone.
 */
export function forward(
  spec: PathSpec,
  parameters: PathTensors,
  x: tf.Tensor | null,
  context: Context = evaluation,
  start?: Start,
): Forward {
  const own = owners(parameters);
  const auxiliary: Record<string, tf.Tensor> = {};
  const routes: Record<string, tf.Tensor> = {};
  const hidden: Record<string, tf.Tensor> = {};
  const next: Record<string, tf.Tensor> = {};
  const chosen: tf.Tensor[] = [];
  const take = (id: string, result: SiteResult): void => {
    hidden[id] = result.h;
    if (result.alpha !== null) routes[id] = result.alpha;
    for (const [name, loss] of Object.entries(result.auxiliary)) {
      // A recurrent site runs once per position.
      const before = auxiliary[`${id}/${name}`];
      auxiliary[`${id}/${name}`] = before === undefined ? loss : tf.add(before, loss);
    }
    if (result.logProbability) chosen.push(result.logProbability);
    Object.assign(next, result.next);
  };
  const features = runStages(spec, own, x, context, {start, take});
  return {
    logits: headLogits(spec.segments, own, features, context),
    features: features as tf.Tensor2D,
    auxiliary,
    logProbability: chosen.length === 0 ? null : chosen.length === 1 ? chosen[0]! : tf.addN(chosen),
    routes,
    hidden,
    next,
  };
}
