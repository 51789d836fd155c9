/** A host with a network of its own, on which processes can be started from here. */
export interface ProcessHost {
  /** Where the other hosts reach it. */
  readonly address: string
  /** The words that start a program there, before its own. Signals reach the program itself. */
  readonly prefix: readonly string[]
  /** Makes what listens there on 127.0.0.1 reachable from here at the same port, until it is disposed. */
  openDoor(port: number): Promise<AsyncDisposable>
}

/** A program and its words as they are to be spawned, to run on `host` if there is one. */
export function commandOn(
  host: Pick<ProcessHost, 'prefix'> | undefined,
  path: string,
  words: readonly string[],
): [path: string, words: string[]] {
  const [first = path, ...rest] = [...(host?.prefix ?? []), path, ...words]
  return [first, rest]
}
