/** The options of commands that call a running peer over HTTP, besides its id. */
import { type Command, InvalidArgumentError } from 'commander'

export const tokenFileHelp =
  "file with the peer's token, if it requires one (default: the one in the data folder of a local peer)"

export const caHelp =
  'certificate of the authority, to verify HTTPS servers (default: that of a local peer’s cluster)'

export function addCallOptions(command: Command): Command {
  return command
    .option('--api <url>', 'call the peer at http://HOST:PORT or https://HOST:PORT', parseUrl)
    .option('--token-file <file>', tokenFileHelp)
    .option('--ca <file>', caHelp)
}

export function parseUrl(text: string): URL {
  const url = URL.parse(text)
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  throw new InvalidArgumentError('Must be http://HOST:PORT or https://HOST:PORT.')
}
