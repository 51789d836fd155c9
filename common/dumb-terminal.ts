/** Whether the terminal of this process shows escape sequences as they are, as those of editors and logs do. */
export function isDumbTerminal(): boolean {
  // oxlint-disable-next-line no-restricted-properties -- no setting: the terminal itself says what it is
  return process.env['TERM'] === 'dumb'
}
