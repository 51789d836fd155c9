/**
 * Whether this process's terminal does not interpret escape sequences, like those of editors and
 * logs.
 */
export function isDumbTerminal(): boolean {
  // oxlint-disable-next-line no-restricted-properties -- not a setting: describes the terminal
  return process.env['TERM'] === 'dumb'
}
