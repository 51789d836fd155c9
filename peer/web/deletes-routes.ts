import { ConfirmedDeletes, KeptFolders, type PeerApi } from '../api/peer-api.ts'
import { answers, clientSignal, type Web } from './routes.ts'

/** Files that are missing and may have been deleted. */
export function addDeletesRoutes(web: Web, { api }: { api: PeerApi }): void {
  web.get(
    '/api/deletes',
    {
      schema: {
        summary: 'The folders whose missing files are kept, and why',
        response: answers(200, KeptFolders),
      },
    },
    (_request, reply) => api.keptFolders(clientSignal(reply)),
  )
  web.post(
    '/api/deletes/confirm',
    {
      schema: {
        summary: 'Say that the files missing from these folders were deleted on purpose',
        response: answers(200, ConfirmedDeletes),
      },
    },
    (_request, reply) => api.confirmDeletes(clientSignal(reply)),
  )
}
