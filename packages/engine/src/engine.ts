import type {ArraySpec, HostArray, SeedStream} from '@accrete/kit';
import type {Tensor} from '@tensorflow/tfjs-core';

/** The engines there are. `onnx` runs traced graphs; the others run the function on that tfjs backend, step by step. */
export type EngineKind = 'onnx' | 'tensorflow' | 'wasm' | 'cpu';

/** Tensors by name. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** Arrays on the engine's device by name. */
export type Buffers = Readonly<Record<string, DeviceBuffer>>;

/**
 * An array on the engine's device. Opaque: it can be passed to a program, read back, and given up.
 * Whoever holds it owns it and disposes it, unless it is donated to a program.
 */
export interface DeviceBuffer {
  readonly spec: ArraySpec;
  /** A copy of the contents on the host. @throws HarnessError E_DISPOSED */
  read(): Promise<HostArray>;
  readonly disposed: boolean;
  /** Idempotent. */
  dispose(): void;
}

/**
 * Random numbers inside a compiled function. Each call declares an input of the program, which the host fills on every run
 * from the stream given to `run`; names must differ within one function.
 */
export interface Noise {
  /** Uniform in [0, 1). float32. */
  uniform(name: string, shape: readonly number[]): Tensor;
  /** Standard normal. float32. */
  normal(name: string, shape: readonly number[]): Tensor;
}

/**
 * A pure function over named tensors, in plain tfjs: no reading of values, no `tf.random*`, no variables, no effect but its
 * result. It may use `tf.grad`, `tf.valueAndGrads` and custom gradients inside. Inputs of dtype uint8 arrive as int32 tensors.
 */
export type PureFunction = (inputs: Tensors, noise: Noise) => Tensors;

export interface CompileOptions {
  /** Named in errors and events. */
  readonly name: string;
  /** Inputs that never change, such as frozen parameters: folded into the program. Arrive in `inputs` under their names. */
  readonly constants?: Readonly<Record<string, HostArray>>;
  /**
   * Output name -> input name of the same spec. `run` consumes such an input: its handle is disposed, and its memory serves
   * a later output. So parameters are double-buffered without copies.
   */
  readonly donate?: Readonly<Record<string, string>>;
  /**
   * Everything that `fn` depends on apart from the specs, as text. Where given, a program compiled before under the same key,
   * specs, constants and donations is shared instead of compiled again. The caller vouches that equal keys mean equal functions.
   */
  readonly key?: string;
}

/** A compiled function. */
export interface Program {
  readonly name: string;
  /** What `run` takes; constants and noise left out. */
  readonly inputs: Readonly<Record<string, ArraySpec>>;
  readonly outputs: Readonly<Record<string, ArraySpec>>;
  /** True where this program was shared from the cache. */
  readonly cached: boolean;
  /** Milliseconds that compiling took; 0 where cached. */
  readonly compileMs: number;
  /**
   * Run once. Outputs belong to the caller.
   *
   * @param inputs exactly the buffers named in `inputs`. Borrowed, but for donated ones, which are consumed.
   * @param noise the stream from which declared noise is filled; needed exactly where the function declares noise.
   * @throws HarnessError E_SHAPE listing every missing, extra or misshapen input; E_DISPOSED.
   */
  run(inputs: Buffers, noise?: SeedStream): Promise<Buffers>;
  /** Idempotent. A shared program is released with its last holder. */
  dispose(): void;
}

/** Compiles and runs pure functions. Several engines may be alive at once. */
export interface Engine {
  readonly kind: EngineKind;
  readonly threads: number;
  readonly versions: Readonly<Record<string, string>>;
  /** Puts an array on the device. Takes over `array.data`: the caller must not write into it afterwards. */
  upload(array: HostArray): DeviceBuffer;
  compile(fn: PureFunction, inputs: Readonly<Record<string, ArraySpec>>, options: CompileOptions): Promise<Program>;
  /** Live buffers and programs, for leak checks. */
  live(): {readonly buffers: number; readonly programs: number; readonly tensors: number};
  /** Releases everything the engine still holds, the program cache included. Idempotent. */
  dispose(): Promise<void>;
}
