/** What a run, its task and its epoch under way have taken so far, whatever number of processes worked on them. Milliseconds. */
export interface Spent {
  readonly runMs: number;
  readonly taskMs: number;
  readonly epochMs: number;
  /** Of the task: what went into its learning curve. */
  readonly learningCurveMs: number;
  /** Of the task. */
  readonly compileMs: number;
  /** Of the task: time of all processors. */
  readonly cpuMs: number;
  /** Of the task. */
  readonly steps: number;
}

const nothing: Spent = {runMs: 0, taskMs: 0, epochMs: 0, learningCurveMs: 0, compileMs: 0, cpuMs: 0, steps: 0};

/** Measures what a run takes. What an earlier process took is in the checkpoint that it left; the pause between them counts for nothing. */
export class Meter {
  learningCurveMs: number;
  compileMs: number;
  steps: number;
  /** When each would have begun, had this process done all of it. */
  #runBegan: number;
  #taskBegan: number;
  #epochBegan: number;
  #cpuBegan: number;

  constructor({runMs, taskMs, epochMs, learningCurveMs, compileMs, cpuMs, steps}: Spent = nothing) {
    const now = performance.now();
    this.learningCurveMs = learningCurveMs;
    this.compileMs = compileMs;
    this.steps = steps;
    this.#runBegan = now - runMs;
    this.#taskBegan = now - taskMs;
    this.#epochBegan = now - epochMs;
    this.#cpuBegan = cpuNow() - cpuMs;
  }

  /** A task begins. */
  beginTask(): void {
    this.#taskBegan = performance.now();
    this.#cpuBegan = cpuNow();
    this.learningCurveMs = 0;
    this.compileMs = 0;
    this.steps = 0;
  }

  /** An epoch begins. */
  beginEpoch(): void {
    this.#epochBegan = performance.now();
  }

  spent(): Spent {
    const now = performance.now();
    const {learningCurveMs, compileMs, steps} = this;
    return {
      runMs: now - this.#runBegan,
      taskMs: now - this.#taskBegan,
      epochMs: now - this.#epochBegan,
      learningCurveMs,
      compileMs,
      cpuMs: cpuNow() - this.#cpuBegan,
      steps,
    };
  }
}

function cpuNow(): number {
  const {user, system} = process.cpuUsage();
  return (user + system) / 1000;
}
