import autocannon from 'autocannon'

export interface HttpLoadOptions {
  /** The peer's HTTP API. */
  readonly url: URL
  /** A name that the index knows. */
  readonly name: string
  /** Connections, each with one request at a time. */
  readonly connections: number
  /** Duration of the load on each path. */
  readonly seconds: number
}

export interface HttpLoad {
  path: string
  requestsPerSecond: number
  bytesPerSecond: number
  latencyMs: { mean: number; p50: number; p99: number; max: number }
  /** Requests that failed or were not answered with 200. */
  failed: number
}

/** Loads each frequently used path of a peer's API, one after another. */
export async function loadHttp(options: HttpLoadOptions): Promise<HttpLoad[]> {
  const name = encodeURIComponent(options.name)
  const paths = [
    '/healthz',
    `/api/lookup?name=${name}`,
    `/api/search?q=${name}`,
    '/api/files?kind=shared',
    '/api/status',
  ]
  const loads: HttpLoad[] = []
  for (const path of paths) loads.push(await loadPath(path, options))
  return loads
}

async function loadPath(
  path: string,
  { url, connections, seconds }: HttpLoadOptions,
): Promise<HttpLoad> {
  const result = await autocannon({
    url: new URL(path, url).href,
    connections,
    duration: seconds,
  })
  const { requests, throughput, latency, errors, non2xx } = result
  return {
    path,
    requestsPerSecond: requests.average,
    bytesPerSecond: throughput.average,
    latencyMs: { mean: latency.mean, p50: latency.p50, p99: latency.p99, max: latency.max },
    failed: errors + non2xx,
  }
}
