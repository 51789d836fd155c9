/** A host with its own network on which processes can be started. */
export interface ProcessHost {
  /** Its address for the other hosts. */
  readonly address: string
  /** The command prefix that starts a program there. Signals reach the program itself. */
  readonly prefix: readonly string[]
  /** Forwards a port of its 127.0.0.1 to the same port here, until disposed. */
  openDoor(port: number): Promise<AsyncDisposable>
}

/** The command and arguments to spawn, on `host` if given. */
export function commandOn(
  host: Pick<ProcessHost, 'prefix'> | undefined,
  path: string,
  words: readonly string[],
): [path: string, words: string[]] {
  const [first = path, ...rest] = [...(host?.prefix ?? []), path, ...words]
  return [first, rest]
}
