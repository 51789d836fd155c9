import { describe, expect, test } from 'vitest'
import { AppError } from '../common/errors.ts'
import type { SettingSources } from '../common/settings.ts'
import { loadPeerSettings, type PeerSettings, toPeerSettings } from './settings.ts'

function settingsOf(
  flags: SettingSources['flags'] = {},
  environment: SettingSources['environment'] = {},
): PeerSettings {
  return toPeerSettings(loadPeerSettings({ environment, flags }))
}

function complaintOf(flags: SettingSources['flags']): string {
  try {
    settingsOf(flags)
    return 'none'
  } catch (error) {
    return error instanceof AppError ? error.message : String(error)
  }
}

describe('the settings of a peer', () => {
  test.each([
    [{}, { host: '127.0.0.1', port: 7_000 }],
    [{ mesh: true }, undefined],
    [
      { mesh: true, index: 'h:1' },
      { host: 'h', port: 1 },
    ],
    [{ mesh: true, index: 'none' }, undefined],
  ])('say whether there is an index: %j', (flags, index) => {
    expect(settingsOf(flags).index).toEqual(index)
    expect(settingsOf(flags).mesh).toBe('mesh' in flags)
    expect(settingsOf({ mesh: false }, { TANDEM_PEER_MESH: 'true' }).mesh).toBe(false)
  })

  test.each([
    ['peer1', 7100, 8100],
    ['peer3', 7102, 8102],
    ['peer12', 7111, 8111],
    ['lab-7', 7106, 8106],
  ])('follow from the id %s', (peer, port, httpPort) => {
    expect(settingsOf({ peer })).toMatchObject({
      peerId: peer,
      port,
      httpPort,
      data: `data/${peer}`,
    })
  })

  test('are those of peer1 by default', () => {
    expect(settingsOf()).toMatchObject({
      peerId: 'peer1',
      headless: false,
      index: { host: '127.0.0.1', port: 7000 },
      host: '127.0.0.1',
      httpHost: '127.0.0.1',
      allowedHosts: [],
      rescanMs: 30_000,
    })
  })

  test('follow from the peer that the data folder belongs to, unless an id is given', () => {
    const idSources = {
      folderPeerId: (path: string) => (path === '/srv/used' ? 'peer3' : undefined),
      hostName: () => 'ab12',
    }
    const idOf = (flags: NonNullable<SettingSources['flags']>): [string, number] => {
      const { values } = loadPeerSettings({ environment: {}, flags }, idSources)
      return [values.id, values.port]
    }
    const ports = { port: '9001', httpPort: '9002' }
    expect(idOf({ data: '/srv/used' })).toEqual(['peer3', 7_102])
    expect(idOf({ data: '/srv/new' })).toEqual(['peer1', 7_100])
    expect(idOf({ data: '/srv/used', idFromHost: true })).toEqual(['peer3', 7_102])
    expect(idOf({ data: '/srv/new', idFromHost: true, ...ports })).toEqual(['peer-ab12', 9_001])
    expect(idOf({ data: '/srv/used', peer: 'peer5' })).toEqual(['peer5', 7_104])
  })

  test('can all be set', () => {
    const flags = { peer: 'alice', port: '9001', httpPort: '9002', data: '/srv/alice' }
    expect(settingsOf({ ...flags, index: '[::1]:7000' })).toMatchObject({
      peerId: 'alice',
      port: 9_001,
      httpPort: 9_002,
      data: '/srv/alice',
      index: { host: '::1', port: 7_000 },
    })
    const environment = { TANDEM_PEER_ID: 'peer2', TANDEM_PEER_ALLOWED_HOSTS: 'peer2, files.lan,' }
    expect(settingsOf({}, environment)).toMatchObject({
      port: 7_101,
      allowedHosts: ['peer2', 'files.lan'],
    })
  })

  test('take IPv6 addresses with and without brackets', () => {
    const flags = { host: '[::1]', advertiseHost: '[2001:db8::7]', httpHost: '::1' }
    expect(settingsOf(flags)).toMatchObject({
      host: '::1',
      advertiseHost: '2001:db8::7',
      httpHost: '::1',
    })
  })

  test.each([
    [{ peer: 'alice' }, /peer\.port must be given with --port, because 'alice'/],
    [{ peer: 'peer0' }, /peer\.port must be given with --port/],
    [{ peer: 'peer1001' }, /peer\.port must be given with --port/],
    [{ peer: 'alice', port: '9001' }, /peer\.httpPort must be given with --http-port/],
    [{ peer: '../x' }, /--peer: peer\.id .*not '\.\.\/x'/],
    [{ index: 'nowhere' }, /--index: peer\.index must be HOST:PORT, not 'nowhere'/],
    [{ index: 'none' }, /--index: peer\.index is none, which only --mesh allows/],
    [{ rescanMs: '0' }, /--rescan-ms: peer\.rescanMs must be a whole number from 1000 /],
    [{ index: 'http://x:7000' }, /--index: peer\.index must be HOST:PORT/],
    [{ index: '*:7000' }, /--index: peer\.index must be HOST:PORT/],
    [{ advertiseHost: '0.0.0.0' }, /--advertise-host: peer\.advertiseHost must be an address that/],
    [{ advertiseHost: '[::]' }, /--advertise-host: peer\.advertiseHost must be an address that/],
    [{ advertiseHost: 'http://x' }, /peer\.advertiseHost must be a host .*not the URL/],
    [{ advertiseHost: 'a b' }, /peer\.advertiseHost must be a host .*not 'a b'/],
    [{ advertiseHost: 'h:7100' }, /peer\.advertiseHost must be a host without a port/],
    [{ advertiseHost: '' }, /peer\.advertiseHost must be a host .*not empty/],
    [{ host: '*' }, /--host: peer\.host must be .*all addresses are 0\.0\.0\.0/],
    [{ httpHost: 'http://127.0.0.1' }, /--http-host: peer\.httpHost must be/],
    [{ port: '0' }, /--port: peer\.port must be a whole number from 1 to 65535, not 0/],
  ])('are refused: %j', (flags, complaint) => {
    expect(complaintOf(flags)).toMatch(complaint)
  })
})
