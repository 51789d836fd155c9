/**
 * A buffer that threads share instead of passing it back and forth: to the garbage collector, memory
 * that moves is new memory each time. It begins at a page, as does the memory of any buffer that can
 * grow, so that it can bypass the page cache.
 */
export function sharedBuffer(bytes: number): Buffer<SharedArrayBuffer> {
  return Buffer.from(new SharedArrayBuffer(bytes, { maxByteLength: bytes }), 0, bytes)
}
