import { expect, test } from 'vitest'
import { silentLog } from '../../common/testing/silent-log.ts'
import { ReachNotice } from './reach-notice.ts'

test('the last report of the index about the address counts', () => {
  const notice = new ReachNotice({ log: silentLog })
  expect(notice.unreachable).toBeUndefined()
  notice.onReached({ host: '::1', port: 7_100, reason: 'refused' })
  expect(notice.unreachable).toEqual({ address: '[::1]:7100', reason: 'refused' })
  notice.onReached({ host: '::1', port: 7_100 })
  expect(notice.unreachable).toBeUndefined()
})
