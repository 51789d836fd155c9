import Type from 'typebox'
import { problemType } from '../../common/http-problem.ts'
import { ProblemDetails } from '../api/problem-details.ts'
import type { Gatekeeper } from './gatekeeper.ts'
import type { Web } from './routes.ts'

const Login = Type.Object({ token: Type.String({ minLength: 1, maxLength: 512 }) })
const refused = {
  description: 'An error.',
  content: { [problemType]: { schema: ProblemDetails } },
}

/** For the page: a browser shows the token once, and then has a cookie that no script can read. */
export function addSessionRoutes(web: Web, gate: Gatekeeper): void {
  web.route<{ Body: { token: string } }>({
    method: 'POST',
    url: '/api/session',
    schema: {
      operationId: 'logIn',
      summary: 'Exchange the token for a cookie',
      body: Login,
      response: { 204: Type.Null(), default: refused },
    },
    handler: async ({ body, ip }, reply) =>
      await reply
        .header('set-cookie', await gate.logIn(body.token, ip))
        .code(204)
        .send(null),
  })
  web.route({
    method: 'DELETE',
    url: '/api/session',
    schema: {
      operationId: 'logOut',
      summary: 'End the session of the cookie',
      response: { 204: Type.Null(), default: refused },
    },
    handler: async ({ headers }, reply) =>
      await reply
        .header('set-cookie', await gate.logOut(headers))
        .code(204)
        .send(null),
  })
}
