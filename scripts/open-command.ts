import { Command } from 'commander'
import type { Terminal } from '../peer/cli/terminal.ts'
import { caHelp, parseUrl, tokenFileHelp } from './call-options.ts'
import { type ClientOptions, locatePeer } from './client-commands.ts'

interface Options extends ClientOptions {
  readonly print?: boolean
}

/** `tandem open`: the web page of a running peer, without being asked for its token. */
export function openCommand(terminal: Terminal): Command {
  return new Command('open')
    .summary('open the web page of a peer')
    .description(
      'Opens the web page of a running peer in your browser, or prints its address if there is no browser. For a peer on this machine, the page does not ask for the token.',
    )
    .option('--print', 'print the address instead; it may contain the token')
    .option('--peer <id>', 'the peer on this machine (default: as configured, or peer1)')
    .option('--api <url>', 'the peer at http://HOST:PORT or https://HOST:PORT', parseUrl)
    .option('--config <file>', 'settings file (default: config/config.json, if it exists)')
    .option('--token-file <file>', tokenFileHelp)
    .option('--ca <file>', caHelp)
    .option('--json', 'print JSON, for programs; opens nothing')
    .action(async ({ print = false, json = false, ...options }: Options) => {
      // Only now: every command line loads this file.
      const [{ openPage, pageAddressOf }, { systemClock }, { printableJson }] = await Promise.all([
        import('./page-address.ts'),
        import('../common/clock.ts'),
        import('../peer/cli/printable.ts'),
      ])
      const peer = await locatePeer(options)
      if (!print && !json) return await terminal.print(await openPage(peer))
      const { url } = await pageAddressOf(peer, { clock: systemClock })
      await terminal.print(json ? printableJson({ url }, 2) : url)
    })
}
