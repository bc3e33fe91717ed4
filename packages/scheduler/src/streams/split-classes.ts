import {datasets} from '@accrete/data';
import {define, HarnessError, type SeedStream} from '@accrete/kit';
import * as z from 'zod';
import {divide, featuresOf, type Stream, type StreamSource, type Task} from './stream.ts';

/**
 * The classes of a data set divided into tasks of equal size.
 *
 * Task- and class-incremental: targets are the data set's labels. Domain-incremental: the target is the place of the class in
 * its task, so that all tasks share their targets.
 */
export const splitClasses = define({
  kind: 'split-classes',
  summary: 'The classes of a data set, divided into tasks of equal size.',
  source: {
    cite: 'Zenke et al. 2017, split MNIST; van de Ven et al. 2022 for the scenarios',
    url: 'https://doi.org/10.1038/s42256-022-00568-3',
  },
  options: {
    dataset: datasets.schema.describe('the data set'),
    tasks: z.int().min(1).default(5).describe('number of tasks'),
    classOrder: z
      .enum(['fixed', 'seeded'])
      .default('fixed')
      .describe("0, 1, 2, ... or an order drawn from the run's seed"),
    validationFraction: z
      .number()
      .min(0)
      .lt(1)
      .default(0.1)
      .describe('share of the training images held out for validation'),
    trainPerTask: z
      .int()
      .min(1)
      .nullable()
      .default(null)
      .describe('training images of a task, drawn from all of its own; null: all'),
  },
  create: (options): StreamSource => ({
    dataset: options.dataset,
    rewards: 'retention',
    check: ({name, classes}) => checkShares(name, classes, options.tasks),
    build: (dataset, scenario, seeds): Stream => {
      const classes = dataset.classes.length;
      checkShares(dataset.name, classes, options.tasks);
      const order =
        options.classOrder === 'seeded'
          ? [...seeds.fork('class-order').permutation(classes)]
          : Array.from({length: classes}, (_, i) => i);
      const perTask = classes / options.tasks;
      const shared = scenario === 'domain-incremental';
      const tasks = Array.from({length: options.tasks}, (_, index): Task => {
        const own = order.slice(index * perTask, (index + 1) * perTask);
        const targets = Int32Array.from({length: classes}, (_, label) => (shared ? own.indexOf(label) : label));
        return {
          index,
          name: own.map((label) => dataset.classes[label]).join(' · '),
          classes: shared ? own.map((_, place) => place) : own,
          examples: fewer(
            divide(dataset, own, options.validationFraction, seeds),
            options.trainPerTask,
            seeds.fork('train', index),
          ),
          targetOf: targets,
          transform: null,
        };
      });
      return {
        name: `split ${dataset.name}, ${options.tasks} tasks`,
        scenario,
        dataset,
        tasks,
        classes: shared ? tasks[0]!.classes : order,
        features: featuresOf(dataset),
      };
    },
  }),
});

/** A task's examples with so many training ones. @throws HarnessError E_DATA where there are fewer */
function fewer(examples: Task['examples'], count: number | null, seeds: SeedStream): Task['examples'] {
  if (count === null) return examples;
  const {train} = examples;
  if (train.length < count) {
    const message = `split-classes: expected at least ${count} training images in every task, got ${train.length}. Lower trainPerTask or validationFraction.`;
    throw new HarnessError('E_DATA', message, {trainPerTask: count, found: train.length});
  }
  const drawn = seeds.permutation(train.length).slice(0, count);
  return {...examples, train: Int32Array.from(drawn, (place) => train[place]!).sort()};
}

function checkShares(name: string, classes: number, tasks: number): void {
  if (classes % tasks === 0) return;
  throw new HarnessError(
    'E_COMBINATION',
    `split-classes: ${name} has ${classes} classes, which ${tasks} tasks cannot share evenly. Choose a divisor of ${classes}.`,
  );
}
