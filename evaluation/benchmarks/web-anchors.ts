/** nginx, and clients that download from it. */
import { mkdir, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import type { ProcessHost } from '../system/process-host.ts'
import { pathOf } from './anchor-programs.ts'
import { runToEnd, startListening } from './outside-process.ts'

interface NginxOptions {
  /** Folder for its own files. */
  readonly folder: string
  readonly port: number
  /** The host that it runs on; by default this machine's 127.0.0.1. */
  readonly host?: ProcessHost
}

/** Starts an nginx that serves the files of `root`. */
export async function startNginx(
  root: string,
  { folder, port, host }: NginxOptions,
): Promise<AsyncDisposable> {
  const config = join(folder, 'nginx.conf')
  await mkdir(folder, { recursive: true })
  await writeFile(config, nginxConfig(root, `${host?.address ?? '127.0.0.1'}:${port}`))
  const words = ['-p', folder, '-c', config, '-e', 'stderr', '-g', 'daemon off;']
  return await startListening(pathOf('nginx'), words, { port, ...(host && { host }) })
}

/** nginx configured for large files, with the rights of the current user. */
function nginxConfig(root: string, address: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `
user ${userInfo().username};
worker_processes auto;
pid nginx.pid;
events {}
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  ${temporary.map((each) => `${each}_temp_path ${each};`).join('\n  ')}
  server {
    listen ${address};
    root ${root};
  }
}
`
}

/** Neither verifies nor flushes the file. */
export async function fetchWithCurl(url: string, path: string): Promise<void> {
  await runToEnd(pathOf('curl'), ['--silent', '--show-error', '--fail', '--output', path, url])
}

/**
 * The careful manual way: `curl && sha256sum`, with a `sync` of the file in between if it must
 * survive a power cut. @throws if the hash differs
 */
export async function fetchAndHash(
  url: string,
  path: string,
  { sha256, isFlushed = false }: { sha256: string; isFlushed?: boolean },
): Promise<void> {
  await fetchWithCurl(url, path)
  if (isFlushed) await runToEnd(pathOf('sync'), [path])
  const line = await runToEnd(pathOf('sha256sum'), [path])
  if (!line.startsWith(sha256)) throw new Error(`${url} has the wrong SHA-256: ${line}`)
}

/**
 * Uses this many connections in total, and verifies the pieces as they arrive. The name in `path`
 * is the Metalink's.
 */
export async function fetchWithAria2(
  metalink: string,
  path: string,
  connections: number,
): Promise<void> {
  await runToEnd(pathOf('aria2c'), [
    '--no-conf',
    '--quiet',
    '--check-integrity',
    '--file-allocation=none',
    '--min-split-size=1M',
    `--split=${connections}`,
    `--max-connection-per-server=${connections}`,
    `--dir=${dirname(path)}`,
    `--metalink-file=${metalink}`,
  ])
}
