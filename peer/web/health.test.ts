import { expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { FakePeerApi } from '../testing/fake-peer-api.ts'
import { fakeHealth, fakeVitals } from '../testing/fake-vitals.ts'
import type { Web } from './routes.ts'
import { buildWeb } from './web-server.ts'

async function webOf(health = fakeHealth): Promise<Web> {
  return await buildWeb(
    { allowedHosts: [] },
    {
      api: new FakePeerApi({ clock: systemClock }).api,
      vitals: fakeVitals(health),
      clock: systemClock,
      log: silentLog,
    },
  )
}

test('says that it is well, and whether there is an index', async () => {
  const web = await webOf()
  const reply = await web.inject('/healthz')
  expect(reply.statusCode).toBe(200)
  expect(reply.json()).toEqual({
    status: 'ok',
    peerId: 'peer1',
    index: 'connected',
    problems: 2,
    reasons: [],
  })
})

test('is ready, or says what it waits for', async () => {
  let reason: string | undefined = 'its first scan has not ended'
  const web = await buildWeb(
    { allowedHosts: [] },
    {
      api: new FakePeerApi({ clock: systemClock }).api,
      vitals: { ...fakeVitals(), unready: () => reason },
      clock: systemClock,
      log: silentLog,
    },
  )
  const waiting = await web.inject('/readyz')
  expect([waiting.statusCode, waiting.json()]).toMatchObject([503, { code: 'NOT_READY', reason }])
  expect((await web.inject('/healthz')).statusCode).toBe(200)
  reason = undefined
  const ready = await web.inject('/readyz')
  expect([ready.statusCode, ready.json()]).toEqual([200, { status: 'ready', peerId: 'peer1' }])
})

test('says what keeps it from its work, in the metrics, too', async () => {
  const address = '127.0.0.1:7000'
  const web = await webOf({ ...fakeHealth, index: { state: 'connecting', address } })
  const reply = await web.inject('/healthz')
  expect(reply.statusCode).toBe(200)
  expect(reply.json()).toMatchObject({
    status: 'degraded',
    index: 'disconnected',
    reasons: [{ code: 'INDEX_AWAY' }],
  })
  const { body } = await web.inject('/metrics')
  expect(body).toContain('tandem_peer_problems{code="INDEX_AWAY"} 1')
  expect(body).toContain('tandem_peer_problems{code="DISK_FULL"} 0')
})

test('has failed when the index does not take it', async () => {
  const error = new AppError('PEER_ID_BOUND', { peerId: 'peer1' })
  const index = { state: 'refused', address: '127.0.0.1:7000', error } as const
  const reply = await (await webOf({ ...fakeHealth, index })).inject('/healthz')
  expect(reply.statusCode).toBe(503)
  expect(reply.json()).toMatchObject({ status: 'failed', index: 'refused' })
})

test('has metrics', async () => {
  const { body, headers } = await (await webOf()).inject('/metrics')
  expect(headers['content-type']).toContain('text/plain')
  for (const line of [
    'tandem_peer_sent_bytes_total{purpose="download"} 1000',
    'tandem_peer_sent_bytes_total{purpose="replication"} 500',
    'tandem_peer_received_bytes_total{purpose="download"} 2000',
    'tandem_peer_received_bytes_total{purpose="replication"} 600',
    'tandem_peer_index_connected 1',
    'tandem_peer_files{kind="shared"} 3',
    'tandem_peer_problems{code="NAME_BACKSLASH"} 2',
    'tandem_peer_problems{code="LINK_BROKEN"} 0',
    'tandem_peer_downloads{state="running"} 2',
    'tandem_peer_downloads_total{outcome="failed"} 4',
  ])
    expect(body.split('\n')).toContain(line)
  expect(body).toContain('process_resident_memory_bytes')
})
