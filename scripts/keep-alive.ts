/**
 * Keeps the process alive until disposed. A timer of the clock does not, so that it would end while
 * a command or a script sleeps; an open port does.
 */
export function keepAlive(): Disposable {
  const { port1: port } = new MessageChannel()
  port.ref()
  return { [Symbol.dispose]: () => port.close() }
}
