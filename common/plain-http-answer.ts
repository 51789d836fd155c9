import type { Socket } from 'node:net'
import { AppError } from './errors.ts'
import { type RawAnswer, sendRaw } from './http-errors.ts'
import { problemOf, problemType } from './http-problem.ts'

/** A read of a page, which can be read again elsewhere without harm. */
const requestLine = /^(?:GET|HEAD) (\/[\x21-\x7e]*) HTTP\/1\.[01]\r\n/
const hostLine = /^host: *([\w.:[\]-]{1,255}) *\r$/im
/** A token, which the program that sent it should not send in plain text again. */
const tokenLine = /^authorization:/im
const httpMethod = /^[A-Z]{3,20} /

/**
 * Answers plain HTTP on a port of HTTPS and ends the connection: browsers are sent to the same address
 * with `https`, other programs are told what is wrong. What is not HTTP is not answered.
 * @param head the first bytes
 */
export function answerPlainHttp(socket: Socket, head: Buffer): void {
  const text = head.toString('latin1')
  if (!httpMethod.test(text)) return void socket.destroy()
  sendRaw(socket, answerTo(text))
  // Unread bytes would reset the connection, and the answer be lost.
  socket.resume()
}

function answerTo(text: string): RawAnswer {
  const path = requestLine.exec(text)?.[1]
  const host = hostLine.exec(text)?.[1]
  if (path !== undefined && host !== undefined && !tokenLine.test(text)) {
    // Temporarily: a browser must not remember it for good.
    const headers = { location: `https://${host}${path}`, 'cache-control': 'no-store' }
    return { status: 307, headers, body: '' }
  }
  const error = new AppError('HTTPS_REQUIRED')
  const body = JSON.stringify(problemOf(error, { status: 400 }))
  return { status: 400, headers: { 'content-type': problemType }, body }
}
