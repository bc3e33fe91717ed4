import type {Tensor} from 'onnxruntime-node';

/** The bytes of a tensor, without a copy. */
export function bytesIn({data}: Tensor): Uint8Array {
  const {buffer, byteOffset, byteLength} = data as Uint8Array;
  return new Uint8Array(buffer, byteOffset, byteLength);
}
