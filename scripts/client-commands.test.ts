import { expect, test } from 'vitest'
import { Terminal } from '../peer/cli/terminal.ts'
import { CapturedOutput } from '../peer/testing/captured-output.ts'
import { clientCommands } from './client-commands.ts'

test('no command has an option of the name of one that all have', async () => {
  const terminal = await Terminal.open({
    answers: new CapturedOutput(),
    remarks: new CapturedOutput(),
  })
  const names = clientCommands(terminal).map((command) => command.name())
  expect(names).toContain('history')
})
