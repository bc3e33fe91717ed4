import {expect} from 'chai';
import fc from 'fast-check';
import {type Candidate, routers} from '../../src/index.ts';

const inventory = fc
  .array(fc.option(fc.nat(5)), {maxLength: 8})
  .map((tasks): Candidate[] => tasks.map((task, i) => ({id: `m${i}`, task})));

for (const kind of routers.kinds) {
  describe(`router ${kind}`, () => {
    const router = routers.parse({kind});

    it('law: chooses from the inventory, in its order, each at most once, and leaves it as it was', () => {
      fc.assert(
        fc.property(inventory, fc.nat(6), (modules, task) => {
          const before = [...modules];
          const active = router.active(modules, task);
          expect(active).to.deep.equal(modules.filter((module) => active.includes(module)));
          expect(modules).to.deep.equal(before);
          expect(router.active(modules, task)).to.deep.equal(active);
        }),
      );
    });

    it('law: what a later task brings does not change the choice for an earlier one', () => {
      fc.assert(
        fc.property(inventory, fc.nat(5), (modules, task) => {
          const later = [...modules, {id: 'late', task: task + 1}];
          expect(router.active(later, task)).to.deep.equal(router.active(modules, task));
        }),
      );
    });

    it('counts every active module fully, without looking at the batch', () => {
      expect(router.scores(null as never, 3)).to.equal(null);
    });
  });
}

describe('routers, worked by hand', () => {
  const modules = [null, 2, 0, 1, 1].map((task, i) => ({id: `m${i}`, task}));
  const chosen = (kind: (typeof routers.kinds)[number], task: number) =>
    routers
      .create({kind})
      .active(modules, task)
      .map(({id}) => id);

  it('by-task takes what the task brought', () => {
    expect([chosen('by-task', 0), chosen('by-task', 1), chosen('by-task', 7)]).to.deep.equal([
      ['m2'],
      ['m3', 'm4'],
      [],
    ]);
  });

  it('up-to-task takes what was there, and what came with the task or before', () => {
    expect(chosen('up-to-task', 0)).to.deep.equal(['m0', 'm2']);
    expect(chosen('up-to-task', 1)).to.deep.equal(['m0', 'm2', 'm3', 'm4']);
    expect(chosen('up-to-task', 9)).to.deep.equal(['m0', 'm1', 'm2', 'm3', 'm4']);
  });
});
