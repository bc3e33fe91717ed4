import {HarnessError, type SeedStream} from '@accrete/kit';
import {
  type Assignment,
  checkSpace,
  type EvaluateAssignment,
  evaluated,
  randomAssignment,
  type SearchSpace,
} from './assignment.ts';

/** How a tournament is held. */
export interface TournamentOptions {
  readonly space: SearchSpace;
  /** Assignments that compete; 64 in the paper. */
  readonly population: number;
  /** Pairs that meet, one after the other. */
  readonly rounds: number;
  /** Probability that a gene mutates; 1 / (sites x active) where absent. */
  readonly mutation?: number;
}

/** How a tournament ended. */
export interface TournamentResult {
  readonly best: Assignment;
  /** Loss of `best` when the whole population was evaluated at the end. */
  readonly loss: number;
  readonly population: readonly Assignment[];
  /** Loss of the winner of each round. */
  readonly history: readonly number[];
}

/**
 * Evolution by binary tournaments (PathNet): two assignments meet, the loser becomes a mutated copy of the winner.
 *
 * Each gene of the copy mutates with the given probability, by a shift drawn from {-2, ..., 2}, modulo the number of modules.
 * Both are evaluated anew in every round, as the modules they share may have been trained meanwhile; of equal losses, the first
 * drawn wins. In the end the whole population is evaluated once, and the best of it is the result.
 *
 * Cost: 2 rounds + population evaluations.
 *
 * @throws HarnessError E_CONFIG for a population below 2 or an empty space; E_NON_FINITE where a loss is NaN.
 *
 * Source: Fernando et al. 2017, https://arxiv.org/abs/1701.08734, section 2. Deviations: the final evaluation.
 */
export async function tournament(
  options: TournamentOptions,
  evaluate: EvaluateAssignment,
  seeds: SeedStream,
): Promise<TournamentResult> {
  const rounds = tournamentRounds(options, seeds);
  let step = rounds.next();
  while (!step.done) step = rounds.next(await evaluated(step.value, evaluate));
  return step.value;
}

/**
 * The same, for whoever evaluates assignments in a loop of their own: yields one after the other and is handed its loss, which
 * must not be NaN.
 *
 * @throws HarnessError E_CONFIG as `tournament`.
 */
export function* tournamentRounds(
  options: TournamentOptions,
  seeds: SeedStream,
): Generator<Assignment, TournamentResult, number> {
  const {space, population: size, rounds, mutation = 1 / (space.sites * space.active)} = options;
  checkSpace(space);
  if (!Number.isInteger(size) || size < 2) {
    throw new HarnessError('E_CONFIG', `a tournament needs a population of at least 2, got ${size}.`);
  }
  let population = Array.from({length: size}, (_, i) => randomAssignment(space, seeds.fork('start', i)));
  const history: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const draw = seeds.fork('round', round);
    const first = draw.integer(size);
    const second = (first + 1 + draw.integer(size - 1)) % size;
    const losses = [yield population[first]!, yield population[second]!] as const;
    const [winner, loser] = losses[1] < losses[0] ? [second, first] : [first, second];
    const child = mutated(population[winner]!, space, mutation, draw);
    population = population.map((other, i) => (i === loser ? child : other));
    history.push(Math.min(...losses));
  }
  let [best, loss] = [population[0]!, Number.POSITIVE_INFINITY];
  for (const assignment of population) {
    const found = yield assignment;
    if (found < loss) [best, loss] = [assignment, found];
  }
  return {best, loss, population, history};
}

function mutated(parent: Assignment, {modules}: SearchSpace, mutation: number, seeds: SeedStream): Assignment {
  return parent.map((site) =>
    site.map((gene) => (seeds.uniform() < mutation ? (gene + seeds.integer(5) - 2 + 2 * modules) % modules : gene)),
  );
}
