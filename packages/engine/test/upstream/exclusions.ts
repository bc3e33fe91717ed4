/** A difference that is known, and why it is one. */
export interface Exclusion {
  /** Matches the full names of the specs. */
  readonly pattern: RegExp;
  readonly reason: string;
  /** True where some of the specs that match pass. */
  readonly sometimes?: boolean;
}

/** Spec files that are not about operations of the backend. */
export const excludedFiles: Readonly<Record<string, string>> = {
  'ragged_gather_test.js': 'ragged tensors: no layer has them',
  'ragged_range_test.js': 'ragged tensors: no layer has them',
  'ragged_tensor_to_tensor_test.js': 'ragged tensors: no layer has them',
};

/** Specs that do not hold through the traced backend. */
export const excluded: readonly Exclusion[] = [
  {
    pattern: /^(max|min) return NaNs$/,
    reason: "ONNX Runtime's ReduceMax and ReduceMin pass over a NaN that is not the first element",
  },
  {pattern: /^arg(max|min) ignores NaNs$/, reason: "ONNX Runtime's ArgMax and ArgMin may stop at a NaN"},
  {
    pattern: /^avgPool gradient .*p=explicit$/,
    reason:
      'tfjs divides by the whole window where part of it lies outside the image; here it is the gradient of what avgPool computes',
  },
  {
    pattern: /^pool (max|avg) .*f=\[1,1\] s=2 p=1 fractional/,
    reason: 'ONNX pooling has no padding as large as the window',
  },
  {
    pattern: /^conv2dTranspose input=8x8x8/,
    reason: 'the gradient handed in is larger than what the convolution yields',
  },
  {
    pattern: /^gather throws when index is out of bound/,
    reason: 'found when the graph runs, in the words of ONNX Runtime',
  },
  {pattern: /^(tan numbers exceed|exp int32$)/, reason: 'the last bit of a float32'},
  {
    pattern: /^logSoftmax 1D gradient$/,
    reason: "tfjs's leak check of single kernels, inside a custom gradient; leaks are tested on whole traces instead",
  },
];
