/**
 * A buffer that threads share instead of sending it to and fro: for the garbage collector, memory that
 * moves is new memory each time. It begins where a page does, as that of any buffer that might grow, so
 * that the disk can take it from there.
 */
export function sharedBuffer(bytes: number): Buffer<SharedArrayBuffer> {
  return Buffer.from(new SharedArrayBuffer(bytes, { maxByteLength: bytes }), 0, bytes)
}
