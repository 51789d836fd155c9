import { Command } from 'commander'
import { logSettings } from '../common/log-settings.ts'
import { limitSettings } from '../peer/limit/limit-settings.ts'
import { runPeer } from '../peer/main.ts'
import { peerSettings } from '../peer/settings.ts'
import { addSettingOptions } from './setting-options.ts'

/** `tandem peer`: runs a peer until stopped. */
export function peerCommand(): Command {
  const command = new Command('peer')
    .description(
      'Runs a peer, which shares a folder, fetches files, and stores copies for other peers. Opens a prompt unless it is headless.',
    )
    .action((flags: Record<string, unknown>) =>
      // A peer that asks an index elsewhere does not load one.
      runPeer(flags, async (options, dependencies) =>
        (await import('./own-index.ts')).ownIndexFrom(flags)(options, dependencies),
      ),
    )
  return addSettingOptions(command, [peerSettings, limitSettings, logSettings])
}
