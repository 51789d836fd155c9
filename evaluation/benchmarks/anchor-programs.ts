import { access, constants } from 'node:fs/promises'

/** The programs that benchmarks and tests need besides Tandem: their paths on Debian, and their packages. */
const programs = {
  nginx: { path: '/usr/sbin/nginx', package: 'nginx-light' },
  curl: { path: '/usr/bin/curl', package: 'curl' },
  dd: { path: '/usr/bin/dd', package: 'coreutils' },
  sha256sum: { path: '/usr/bin/sha256sum', package: 'coreutils' },
  sync: { path: '/usr/bin/sync', package: 'coreutils' },
  aria2c: { path: '/usr/bin/aria2c', package: 'aria2' },
  gcc: { path: '/usr/bin/gcc', package: 'gcc' },
  'redis-server': { path: '/usr/bin/redis-server', package: 'redis-server' },
  taskset: { path: '/usr/bin/taskset', package: 'util-linux' },
  opentracker: { path: '/usr/bin/opentracker', package: 'opentracker' },
  cadaver: { path: '/usr/bin/cadaver', package: 'cadaver' },
  fusermount3: { path: '/usr/bin/fusermount3', package: 'fuse3' },
  litmus: { path: '/usr/bin/litmus', package: 'litmus' },
  rclone: { path: '/usr/bin/rclone', package: 'rclone' },
  rsync: { path: '/usr/bin/rsync', package: 'rsync' },
  serf: { path: '/usr/bin/serf', package: 'serf' },
  syncthing: { path: '/usr/bin/syncthing', package: 'syncthing' },
  ip: { path: '/usr/sbin/ip', package: 'iproute2' },
  tc: { path: '/usr/sbin/tc', package: 'iproute2' },
  wget: { path: '/usr/bin/wget', package: 'wget' },
  wget2: { path: '/usr/bin/wget2', package: 'wget2' },
  unshare: { path: '/usr/bin/unshare', package: 'util-linux' },
  nsenter: { path: '/usr/bin/nsenter', package: 'util-linux' },
} as const

export type AnchorProgram = keyof typeof programs

export function pathOf(program: AnchorProgram): string {
  return programs[program].path
}

/** Those of `wanted` that are missing on this machine. */
export async function missingPrograms(wanted: readonly AnchorProgram[]): Promise<AnchorProgram[]> {
  const isMissing = await Promise.all(
    wanted.map((program) =>
      access(pathOf(program), constants.X_OK).then(
        () => false,
        () => true,
      ),
    ),
  )
  return wanted.filter((_, index) => isMissing[index])
}

/** The packages that have these programs. */
export function packagesOf(missing: readonly AnchorProgram[]): string[] {
  return [...new Set(missing.map((program) => programs[program].package))]
}

/** The command to install them, in one line. */
export function howToInstall(missing: readonly AnchorProgram[]): string {
  return `${missing.join(', ')} not found: apt-get install ${packagesOf(missing).join(' ')}`
}
