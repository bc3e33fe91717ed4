// Times one network on one engine: compile, then steps on one batch.
import {hostArray, seedStream, sizeOf} from '@accrete/kit';
import {descent, models} from './models.mjs';

/** @returns {Promise<{compileMs: number, run(steps: number): Promise<number[]>, dispose(): void}>} */
export async function prepare(engine, name) {
  const model = models[name].make();
  const random = seedStream(7);
  const floats = (shape, scale) =>
    hostArray(
      Float32Array.from({length: sizeOf(shape)}, () => random.normal() * scale),
      shape,
      'float32',
    );
  const initial = ([key, shape]) => {
    const fan = shape.length > 1 ? sizeOf(shape) / shape.at(-1) : 1;
    const flat = hostArray(new Float32Array(sizeOf(shape)).fill(key.endsWith('scale') ? 1 : 0), shape, 'float32');
    return [key, shape.length > 1 ? floats(shape, 1 / Math.sqrt(fan)) : flat];
  };
  const parameters = Object.fromEntries(Object.entries(model.parameters).map(initial));
  const constants = Object.fromEntries(Object.entries(model.frozen ?? {}).map(initial));
  const {x: like} = model.batch;
  const shape = like.shape ?? like;
  const x = like.below
    ? hostArray(
        Int32Array.from({length: sizeOf(shape)}, () => random.integer(like.below)),
        shape,
        'int32',
      )
    : floats(shape, 1);
  const y = hostArray(
    Int32Array.from({length: shape[0]}, () => random.integer(10)),
    [shape[0]],
    'int32',
  );
  const specs = Object.fromEntries(
    Object.entries({x, y, ...parameters}).map(([k, a]) => [k, {shape: a.shape, dtype: a.dtype}]),
  );
  const donate = Object.fromEntries(Object.keys(parameters).map((key) => [key, key]));
  const program = await engine.compile(descent(model), specs, {name, constants, donate});
  const batch = {x: engine.upload(x), y: engine.upload(y)};
  let state = Object.fromEntries(Object.entries(parameters).map(([key, array]) => [key, engine.upload(array)]));
  const losses = [];
  return {
    compileMs: program.compileMs,
    losses,
    async run(steps) {
      const times = [];
      for (let i = 0; i < steps; i++) {
        const start = performance.now();
        const {loss, ...next} = await program.run({...batch, ...state});
        times.push(performance.now() - start);
        state = next;
        losses.push((await loss.read()).data[0]);
        loss.dispose();
      }
      return times;
    },
    dispose() {
      for (const buffer of [...Object.values(batch), ...Object.values(state)]) buffer.dispose();
      program.dispose();
    },
  };
}
