/** The commands for a running peer, of both the command line and the prompt. */
import type { Command } from 'commander'
import { browseCommand } from './browse-command.ts'
import type { CommonOptions, RunCommand } from './command.ts'
import { deletesCommand } from './deletes-command.ts'
import { downloadCommand } from './download-command.ts'
import {
  drainCommand,
  maintenanceCommand,
  safeToStopCommand,
  undrainCommand,
} from './drain-commands.ts'
import { eventsCommand } from './events-command.ts'
import { followCommand, unfollowCommand } from './follow-commands.ts'
import {
  historyCommand,
  queriesCommand,
  seriesCommand,
  transfersCommand,
} from './history-commands.ts'
import { limitsCommand } from './limits-command.ts'
import { listCommand, searchCommand } from './list-commands.ts'
import { askCommand, joinCommand, meshCommand } from './mesh-commands.ts'
import { peersCommand } from './peers-command.ts'
import { pushCommand } from './push-command.ts'
import { clusterQuestions, downloadQuestions, fileQuestions } from './questions.ts'
import { rebalanceCommand } from './rebalance-command.ts'
import { repairCommand } from './repair-command.ts'
import { replicationCommand } from './replication-command.ts'
import { scrubCommand } from './scrub-command.ts'
import { restoreCommand, trashCommand } from './trash-commands.ts'
import { unshareCommand } from './unshare-command.ts'

/** @param run called by each command when it is typed */
export function peerCommands<Options extends CommonOptions>(run: RunCommand<Options>): Command[] {
  const commands = [
    ...fileQuestions.map((question) => question(run)),
    searchCommand(run),
    browseCommand(run),
    listCommand(run),
    downloadCommand(run),
    followCommand(run),
    unfollowCommand(run),
    ...downloadQuestions.map((question) => question(run)),
    pushCommand(run),
    unshareCommand(run),
    trashCommand(run),
    restoreCommand(run),
    limitsCommand(run),
    deletesCommand(run),
    scrubCommand(run),
    repairCommand(run),
    replicationCommand(run),
    drainCommand(run),
    undrainCommand(run),
    maintenanceCommand(run),
    safeToStopCommand(run),
    eventsCommand(run),
    transfersCommand(run),
    historyCommand(run),
    queriesCommand(run),
    seriesCommand(run),
    peersCommand(run),
    meshCommand(run),
    joinCommand(run),
    askCommand(run),
    rebalanceCommand(run),
    ...clusterQuestions.map((question) => question(run)),
  ]
  for (const command of commands) command.option('--json', 'print JSON, for programs')
  return commands
}
