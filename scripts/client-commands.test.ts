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

test('no command takes a token as an option, which other users of the machine could see', async () => {
  const terminal = await Terminal.open({
    answers: new CapturedOutput(),
    remarks: new CapturedOutput(),
  })
  const flags = clientCommands(terminal).flatMap(({ options }) => options.map(({ long }) => long))
  expect(flags).toContain('--token-file')
  expect(flags).not.toContain('--token')
})
