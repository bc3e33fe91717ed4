// Joint training by the absolute error, for targets that are numbers. The one logit of the head is the answer.
import {auxiliaryLoss, forward, optimizers, pathOf, withParameters} from '@accrete/core';
import {valueAndGradients} from '@accrete/engine';
import {hostArray, zeros} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import {meansByTask} from './joint.mjs';

/**
 * Trains a network on all its tasks together: the mean of |logit - target| and the losses of its routers.
 *
 * @param draw the batch of a step: {x, targets, tasks}
 */
export async function trainOnTargets({engine, network, tasks, optimizer, rows, steps, draw, seeds}) {
  const path = pathOf(network.topology, tasks, network.topology.head.segments);
  const {slots, update} = optimizers.parse(optimizer);
  const locals = Object.keys(path.bind);
  const slotName = (local, {name}) => `slot/${local}#${name}`;
  const carried = Object.fromEntries(
    locals.flatMap((local) => {
      const start = network.parameters[path.bind[local]];
      const own = slots.map((slot) => [slotName(local, slot), zeros(slot.shape === 'scalar' ? [] : start.shape)]);
      return [[local, start], ...own];
    }),
  );
  const program = await engine.compile(
    (inputs, noise) => {
      const start = locals.map((local) => inputs[local]);
      const loss = (...moving) => {
        const parameters = Object.fromEntries(locals.map((local, k) => [local, moving[k]]));
        const {pass, errors} = errorsOf(path, parameters, inputs, noise);
        const mean = tf.mean(errors);
        const auxiliary = auxiliaryLoss(pass, errors, tf.onesLike(errors));
        return auxiliary ? tf.add(mean, auxiliary) : mean;
      };
      const {grads} = valueAndGradients(loss, start);
      return Object.fromEntries(
        locals.flatMap((local, k) => {
          const own = Object.fromEntries(slots.map((slot) => [slot.name, inputs[slotName(local, slot)]]));
          const stepped = update(start[k], grads[k], own);
          return [
            [local, stepped.parameter],
            ...slots.map((slot) => [slotName(local, slot), stepped.slots[slot.name]]),
          ];
        }),
      );
    },
    {...specsOf(carried), ...batchSpecs(path, rows)},
    {name: 'train on targets', donate: Object.fromEntries(Object.keys(carried).map((name) => [name, name]))},
  );
  // Carried buffers are written to by later steps, so they start as copies.
  let live = uploadAll(
    engine,
    mapValues(carried, (array) => ({...array, data: array.data.slice()})),
  );
  try {
    for (let step = 0; step < steps; step++) {
      const given = uploadAll(engine, arraysOf(draw(step)));
      live = await program.run({...live, ...given}, seeds.fork('noise', step));
      disposeAll(given);
    }
    const learned = await Promise.all(locals.map(async (local) => [path.bind[local], await live[local].read()]));
    return {network: withParameters(network, Object.fromEntries(learned)), path};
  } finally {
    disposeAll(live);
    program.dispose();
  }
}

/** Mean absolute error on a batch, that of each task, and the routes. */
export async function evaluateOnTargets({engine, network, path, batch}) {
  const parameters = mapValues(path.bind, (at) => network.parameters[at]);
  const program = await engine.compile(
    (inputs) => {
      const {pass, errors} = errorsOf(path, inputs, inputs, null);
      return {errors, ...pass.routes};
    },
    {...specsOf(parameters), ...batchSpecs(path, batch.x.shape[0])},
    {name: 'evaluate on targets'},
  );
  const given = uploadAll(engine, {...parameters, ...arraysOf(batch)});
  try {
    const put = await program.run(given);
    const read = await Promise.all(Object.entries(put).map(async ([name, buffer]) => [name, await buffer.read()]));
    disposeAll(put);
    const {errors, ...routes} = Object.fromEntries(read);
    return {...meansByTask([...errors.data], batch.tasks, path.tasks.length), routes};
  } finally {
    disposeAll(given);
    program.dispose();
  }
}

function errorsOf(path, parameters, {x, targets, tasks}, noise) {
  const context = {noise, tasks: path.tasks.length > 1 ? tasks : null, weights: null, moving: null};
  const pass = forward(path.spec, parameters, x, context);
  return {pass, errors: tf.abs(tf.sub(tf.squeeze(pass.logits, [1]), targets))}; // [rows]
}

function batchSpecs({spec: {input}}, rows) {
  return {
    x: {shape: [rows, input.features], dtype: 'float32'},
    targets: {shape: [rows], dtype: 'float32'},
    tasks: {shape: [rows], dtype: 'int32'},
  };
}

function arraysOf({x, targets, tasks}) {
  const shape = [targets.length];
  return {
    x,
    targets: hostArray(targets, shape, 'float32'),
    tasks: hostArray(Int32Array.from(tasks), shape, 'int32'),
  };
}

function specsOf(arrays) {
  return mapValues(arrays, ({shape, dtype}) => ({shape, dtype}));
}

function uploadAll(engine, arrays) {
  return mapValues(arrays, (array) => engine.upload(array));
}

function mapValues(record, f) {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value)]));
}

function disposeAll(buffers) {
  for (const buffer of Object.values(buffers)) buffer.dispose();
}
