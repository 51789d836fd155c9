import { describe, expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { type Caller, checkAccess } from './access.ts'

const ownNames = new Set(['peer1', 'files.example.org'])

function refusalOf(caller: Caller): string {
  try {
    checkAccess(caller, ownNames)
    return 'none'
  } catch (error) {
    return error instanceof AppError ? error.code : String(error)
  }
}

describe('a host name', () => {
  test.each([
    ['127.0.0.1:8100', 'none'],
    ['192.168.1.7', 'none'],
    ['[::1]:8100', 'none'],
    ['localhost:8100', 'none'],
    ['LocalHost', 'none'],
    ['peer1:8100', 'none'],
    ['files.example.org', 'none'],
    ['evil.example.org:8100', 'HOST_REFUSED'],
    ['localhost.evil.org', 'HOST_REFUSED'],
    ['127.0.0.1.evil.org', 'HOST_REFUSED'],
    ['user@127.0.0.1', 'HOST_REFUSED'],
    ['127.0.0.1:8100:1', 'HOST_REFUSED'],
    ['', 'HOST_REFUSED'],
    [undefined, 'HOST_REFUSED'],
  ])('%j is met with %s', (host, refusal) => {
    expect(refusalOf({ method: 'GET', host, origin: undefined, isSecure: false })).toBe(refusal)
  })
})

describe('a page', () => {
  const host = 'localhost:8100'

  test.each([
    ['GET', 'http://evil.org', 'none'],
    ['POST', undefined, 'none'],
    ['POST', 'http://localhost:8100', 'none'],
    ['POST', 'http://LOCALHOST:8100', 'none'],
    ['POST', 'http://localhost:3000', 'ORIGIN_REFUSED'],
    // Behind a proxy with a certificate.
    ['POST', 'https://localhost:8100', 'none'],
    ['DELETE', 'http://evil.org', 'ORIGIN_REFUSED'],
    ['POST', 'null', 'ORIGIN_REFUSED'],
  ])('that sends %s from %j is met with %s', (method, origin, refusal) => {
    expect(refusalOf({ method, host, origin, isSecure: false })).toBe(refusal)
  })

  test.each([
    ['https://localhost:8100', 'none'],
    ['http://localhost:8100', 'ORIGIN_REFUSED'],
    ['https://localhost', 'ORIGIN_REFUSED'],
    ['https://evil.org', 'ORIGIN_REFUSED'],
  ])('that sends from %j over HTTPS is met with %s', (origin, refusal) => {
    expect(refusalOf({ method: 'POST', host, origin, isSecure: true })).toBe(refusal)
  })
})
