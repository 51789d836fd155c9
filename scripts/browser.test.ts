import { expect, test } from 'vitest'
import { systemClock } from '../common/clock.ts'
import { openerOf, openInBrowser } from './browser.ts'

test.each<[NodeJS.Platform, Record<string, string>, string | undefined]>([
  ['linux', {}, undefined],
  ['linux', { DISPLAY: '' }, undefined],
  ['linux', { DISPLAY: ':0' }, 'xdg-open'],
  ['linux', { WAYLAND_DISPLAY: 'wayland-0' }, 'xdg-open'],
  ['linux', { WSL_DISTRO_NAME: 'Debian', DISPLAY: ':0' }, 'explorer.exe'],
  ['darwin', {}, 'open'],
  ['win32', {}, 'explorer.exe'],
])('%s with %j opens addresses with %s', (platform, environment, command) => {
  expect(openerOf({ platform, environment })?.[0]).toBe(command)
})

test('without a screen nothing is opened', async () => {
  const desktop = { platform: 'linux', environment: {} } as const
  const page = { url: 'http://127.0.0.1:8100/', isSecret: true }
  expect(await openInBrowser(page, { desktop, clock: systemClock })).toBe(false)
})
