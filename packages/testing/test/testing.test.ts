import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {createEngine, type Engine} from '@accrete/engine';
import {scalar} from '@accrete/kit';
import * as tf from '@tensorflow/tfjs-core';
import {expect} from 'chai';
import {checkGradient, expectClose, leakFree, readmeExample, readmeExamples} from '../src/index.ts';

describe('expectClose', () => {
  it('takes numbers within absolute + relative * |expected|, and no others', () => {
    expectClose([1.00001, 0], [1, 1e-6]);
    expectClose(Float32Array.of(2.9), [3], {absolute: 0, relative: 0.04});
    expectClose([2.9], [3], {absolute: 0.11, relative: 0});
    expectClose([], []);
    expect(() => expectClose([1.0001], [1])).to.throw('[0]: got 1.0001, expected 1');
    expect(() => expectClose([0, 3.2], [0, 3], {absolute: 0.1, relative: 0.01})).to.throw('[1]: got 3.2');
    expect(() => expectClose([-1], [1])).to.throw('got -1');
  });

  it('never takes another length, NaN or an infinity, whatever is expected and however loose', () => {
    expect(() => expectClose([1], [1, 2])).to.throw('length');
    expect(() => expectClose([1, 2], [1])).to.throw('length');
    for (const bad of [Number.NaN, Infinity, -Infinity]) {
      expect(() => expectClose([bad], [bad], {absolute: 10}), `${bad} for itself`).to.throw(`[0] is ${bad}`);
      expect(() => expectClose([bad], [1], {absolute: Infinity})).to.throw(`[0] is ${bad}`);
      expect(() => expectClose([1], [bad]), `1 for ${bad}`).to.throw();
    }
  });
});

describe('with an engine', () => {
  let engine: Engine;
  before(async () => {
    engine = await createEngine({kind: 'cpu'});
    await tf.setBackend('cpu');
  });
  after(() => engine.dispose());

  it('checkGradient takes right gradients and refuses wrong ones', () => {
    checkGradient((x) => tf.sum(tf.mul(tf.sin(x), tf.square(x))), [0.5, -1, 2, 0.1], [2, 2]);
    const wrong = tf.customGrad((x) => ({
      value: tf.sum(tf.square(x as tf.Tensor)),
      gradFunc: (dy) => tf.mul(dy, tf.mul(x as tf.Tensor, 1.9)),
    }));
    expect(() => checkGradient(wrong, [1, 2], [2])).to.throw('[0]: got 1.89');
  });

  it('leakFree finds a buffer or a tensor left behind, and passes what leaves none', async () => {
    expect(await leakFree(engine, async () => engine.upload(scalar(1)).dispose())).to.equal(undefined);
    const held: {dispose(): void}[] = [];
    const failure = async (work: () => Promise<unknown>) => leakFree(engine, work).then(() => 'none', String);
    expect(await failure(async () => held.push(engine.upload(scalar(1))))).to.contain('left behind');
    expect(await failure(async () => held.push(tf.scalar(1)))).to.contain('left behind');
    for (const one of held) one.dispose();
  });

  it('leakFree gives an error back where nothing leaks, and finds a leak behind one', async () => {
    const error = new Error('mid-run');
    const given = await leakFree(engine, async () => {
      throw error;
    });
    expect(given).to.equal(error);
    let held: tf.Tensor | undefined;
    const leaking = leakFree(engine, async () => {
      held = tf.scalar(1);
      throw error;
    });
    expect(await leaking.then(() => 'none', String)).to.contain('left behind');
    held!.dispose();
  });
});

describe('readmeExample', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(import.meta.dirname, 'readme-')); // In the package, where tsx is found.
  });
  after(() => rmSync(folder, {recursive: true, force: true}));

  it('runs the first block, or the one at a place, and gives what it prints, complaints included, beside what it promises', () => {
    const code = "console.log(1);\n// prints: 1\nconsole.log('b');\n// prints: c\nthrow new Error('oh');";
    writeFileSync(join(folder, 'README.md'), `# x\n\n\`\`\`ts\n${code}\n\`\`\`\n\n\`\`\`ts\nconsole.log(9);\n\`\`\`\n`);
    const {printed, promised} = readmeExample(folder);
    expect(promised).to.deep.equal(['1', 'c']);
    expect(printed.slice(0, 2)).to.deep.equal(['1', 'b']);
    expect(printed.join()).to.contain('Error: oh');
    expect(readmeExamples(folder)).to.deep.equal([`${code}\n`, 'console.log(9);\n']);
    expect(readmeExample(folder, 1)).to.deep.equal({printed: ['9'], promised: []});
    expect(() => readmeExample(folder, 2)).to.throw('no ```ts block at place 2');
  });

  it('refuses a README without one', () => {
    writeFileSync(join(folder, 'README.md'), '# x\n');
    expect(() => readmeExample(folder)).to.throw('README.md has no ```ts block');
  });
});
