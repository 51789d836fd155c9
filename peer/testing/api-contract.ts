/**
 * What every PeerApi does, whether it is the peer itself, its HTTP API seen through the client, or the
 * fake of tests. There is a case for each call, and each reply is checked against the table of calls.
 */
import { Check } from 'typebox/schema'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { type CallName, type CallRow, callNames, calls, type PeerApi } from '../api/calls.ts'
import type { ContractSubject, DeclareTests } from './api-case.ts'
import { clusterCases } from './api-cluster-cases.ts'
import { downloadCases } from './api-download-cases.ts'
import { fileCases } from './api-file-cases.ts'
import { followCases } from './api-follow-cases.ts'
import { historyCases } from './api-history-cases.ts'
import { memberCases } from './api-member-cases.ts'
import { meshCases } from './api-mesh-cases.ts'
import { scrubCases } from './api-scrub-cases.ts'

const contract: Readonly<Record<CallName, DeclareTests>> = {
  ...fileCases,
  ...downloadCases,
  ...followCases,
  ...clusterCases,
  ...scrubCases,
  ...meshCases,
  ...memberCases,
  ...historyCases,
}

export interface ContractOptions {
  readonly open: () => Promise<ContractSubject>
  /** All calls without it. */
  readonly has?: (call: CallName) => boolean
}

export function describePeerApi(
  subjectName: string,
  { open, has = () => true }: ContractOptions,
): void {
  describe(`${subjectName}`, () => {
    let opened: ContractSubject
    let subject: ContractSubject
    beforeAll(async () => {
      opened = await open()
      subject = { ...opened, api: checkingReplies(opened.api) }
    })
    afterAll(async () => await opened[Symbol.asyncDispose]())
    for (const name of callNames.filter(has))
      describe(`${name}`, () => {
        contract[name](() => subject)
      })
  })
}

/** The same, but each reply is checked against the schema of its call. */
function checkingReplies(api: PeerApi): PeerApi {
  type Method = (...parameters: unknown[]) => Promise<unknown>
  const checked = Object.entries<CallRow>(calls).map(([name, row]): [string, Method] => [
    name,
    async (...parameters) => {
      const method = api[name as CallName] as Method
      const reply = await method.apply(api, parameters)
      if (row.reply === undefined) expect(reply).toBeUndefined()
      else {
        const rows = row.page === undefined ? reply : (reply as Record<string, unknown>)[row.page]
        // As JSON, which has no fields that are undefined.
        const body = JSON.parse(JSON.stringify(rows)) as unknown
        expect({ name, body, fits: Check(row.reply, body) }).toMatchObject({ fits: true })
      }
      return reply
    },
  ])
  return Object.fromEntries(checked) as unknown as PeerApi
}
