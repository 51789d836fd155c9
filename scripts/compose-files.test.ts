import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

/** The text of each service, without comments. */
function servicesOf(compose: string): Map<string, string> {
  const text = compose.replaceAll(/^ *#.*\n/gm, '')
  const services = text.slice(text.indexOf('\nservices:\n') + '\nservices:\n'.length)
  return new Map(
    services
      .split(/^(?= {2}\S)/m)
      .filter((service) => service.trim() !== '')
      .map((service) => [/^ {2}(\S+):/.exec(service)?.[1] ?? '', service]),
  )
}

const files = ['docker-compose.yml', 'docker-compose.mesh.yml']
const own = files.flatMap((file) =>
  Array.from(servicesOf(read(file)), ([name, service]) => ({ file, name, service })).filter(
    ({ service }) => service.includes('<<: *'),
  ),
)

test.each(files)('%s: no container may gain rights, or write to its image', (file) => {
  const [base = ''] = read(file).split('\nservices:')
  for (const line of ['cap_drop: [ALL]', "'no-new-privileges:true'", 'read_only: true'])
    expect(base).toContain(line)
  expect(read(file)).not.toMatch(/privileged: true|network_mode: host|docker\.sock/)
})

const helper = 'folders'

test('only the helper that gives folders to the others has rights, and no network', () => {
  const [folders, ...others] = own.filter(({ service }) => /^ {4}cap_add/m.test(service))
  expect(others).toEqual([])
  expect(folders?.name).toBe(helper)
  expect(folders?.service).toContain('network_mode: none')
})

test.each(own.filter(({ name }) => name !== helper))(
  '$file: $name sees its own folder only, and gets no secret',
  ({ name, service }) => {
    const mounted = [...service.matchAll(/- \.\/(data\S*?):\S+/g)].map(([, path = '']) => path)
    const others = mounted.filter((path) => !/^data\/(mesh\/)?join\b/.test(path))
    const folder = { 'indexing-server': 'index', peer: 'peers' }[name] ?? name
    expect(others.map((path) => path.replace('/mesh', ''))).toEqual([`data/${folder}`])
    expect(service).not.toMatch(/(secret|password|key|token): /i)
  },
)

test('only the authority may write tokens', () => {
  const writers = own.filter(({ service }) => /- \.\/data\/(mesh\/)?join:\S+join$/m.test(service))
  expect(writers.map(({ file, name }) => `${file} ${name}`)).toEqual([
    'docker-compose.yml indexing-server',
    'docker-compose.mesh.yml peer1',
  ])
  for (const { service } of writers) expect(service).toContain('--secure --token-out')
})

test('the image runs as its user, and contains no data', () => {
  const dockerfile = read('Dockerfile')
  expect(
    dockerfile
      .trimEnd()
      .split('\n')
      .findLast((line) => line.startsWith('USER')),
  ).toBe('USER node')
  const [, ...kept] = read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
  expect(kept.filter((line) => /data|logs|\.git|\.env/.test(line))).toEqual([])
})
