import type {Path} from '@accrete/core';
import type {Buffers} from '@accrete/engine';
import {hostArray} from '@accrete/kit';
import {expect} from 'chai';
import {RoutingTally} from '../../src/training/routing-tally.ts';

const path = {modules: ['a/base', 'a/module:0', 'a/module:1']} as unknown as Path;

describe('the tally of routers in a run', () => {
  it('counts rows by their task, leaves out those that do not count, and disposes what it has read', async () => {
    const tally = new RoutingTally();
    const alpha = hostArray(Float32Array.of(1, 0, 0.5, 0.5, 0, 1), [3, 2], 'float32');
    let disposed = 0;
    const buffer = {read: async () => alpha, dispose: () => disposed++};
    const routes = {'route/a': buffer} as unknown as Buffers;
    await tally.take(path, routes, [{task: 0, example: 0}, {task: 0, example: 1}, null]);
    await tally.take(path, routes, [null, null, {task: 1, example: 0}]);
    expect(disposed).to.equal(2);
    const [zero, one] = tally.summary();
    expect(zero).to.deep.include({site: 'a', evalTask: 0, load: [0.75, 0.25], examples: 2, unserved: 0});
    expect(one).to.deep.include({evalTask: 1, load: [0, 1], entropy: 0, examples: 1});
  });
});
