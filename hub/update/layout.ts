import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { LinliError } from '../contract/errors.ts'

/**
 * Where versions live: `versions/<v>` whole and never changed, `current` a link to one of them, turned by a rename. While a
 * new one is on trial `trial` says so; whoever finds that file and not who wrote it goes back to the version before.
 */
export interface Layout {
  readonly base: string
  /** undefined: nothing is installed. */
  current(): string | undefined
  /** What ran before the current one, if it is still there. */
  previous(): string | undefined
  versions(): string[]
  folderOf(version: string): string
  /** A new version unpacks here; whatever was left there by another attempt is gone. */
  makeSpare(version: string): string
  /** The spare becomes the version, whole. */
  keepSpare(version: string): void
  turnTo(version: string): void
  beginTrial(from: string, to: string): void
  trial(): Trial | undefined
  /** The current one stays; `before` is what rollback goes back to. */
  endTrial(before: string | undefined): void
  /** All but the newest `keep`, the current and the previous one. @returns what is gone */
  prune(keep: number): string[]
}

export interface Trial {
  from: string
  to: string
  /** Who tries: a boot of the box, and a process in it. */
  boot: string
  pid: number
}

export const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+-]{0,39}$/

/**
 * For the units, before anything of a version runs: plain sh, because the version that is on trial may not even start. The
 * process that tries it is still there when it is only restarting the services.
 */
const SETTLE = `#!/bin/sh
# Written by linli update: back to the version before, when the power went while a new one was on trial.
cd "$(dirname "$0")" || exit 1
read -r from to boot pid < trial 2>/dev/null || exit 0
[ "$boot" = "$(cat /proc/sys/kernel/random/boot_id)" ] && kill -0 "$pid" 2>/dev/null && exit 0
[ -d "versions/$from" ] || exit 1
rm -f current.new && ln -s "versions/$from" current.new && sync && mv -T current.new current && sync && rm -f trial && sync
echo "linli: version $to was on trial when the box stopped; back to $from"
`

/** @param at called before each step that is on disk by itself: a test cuts the power there */
export function openLayout(base: string, at: (step: string) => void = () => undefined): Layout {
  const inBase = (name: string) => join(base, name)
  const linkOf = (name: string) => {
    const path = inBase(name)
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? basename(readlinkSync(path)) : undefined
  }
  function turn(name: string, version: string): void {
    rmSync(inBase(`${name}.new`), { force: true })
    at(`link ${name}`)
    symlinkSync(join('versions', version), inBase(`${name}.new`))
    at(`rename ${name}`)
    renameSync(inBase(`${name}.new`), inBase(name))
    at(`sync ${name}`)
    syncFolder(base)
  }
  function write(name: string, text: string): void {
    writeFileSync(inBase(`${name}.new`), text)
    syncFile(inBase(`${name}.new`))
    at(`rename ${name}`)
    renameSync(inBase(`${name}.new`), inBase(name))
    at(`sync ${name}`)
    syncFolder(base)
  }
  const exists = (version: string | undefined) =>
    version && existsSync(join(base, 'versions', version)) ? version : undefined
  return {
    base,
    current: () => exists(linkOf('current')),
    previous: () => exists(linkOf('previous')),
    versions: () =>
      existsSync(inBase('versions')) ? readdirSync(inBase('versions')).filter((name) => VERSION.test(name)) : [],
    folderOf: (version) => join(base, 'versions', version),
    makeSpare(version) {
      mkdirSync(inBase('versions'), { recursive: true })
      for (const name of readdirSync(inBase('versions')))
        if (name.startsWith('.')) rmSync(join(base, 'versions', name), { recursive: true, force: true })
      const spare = join(base, 'versions', `.${version}`)
      at('make spare')
      mkdirSync(spare)
      return spare
    },
    keepSpare(version) {
      at('rename version')
      renameSync(join(base, 'versions', `.${version}`), join(base, 'versions', version))
      at('sync versions')
      syncFolder(inBase('versions'))
    },
    turnTo: (version) => turn('current', version),
    beginTrial(from, to) {
      write('settle', SETTLE)
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
      write('trial', `${from} ${to} ${boot} ${process.pid}\n`)
    },
    trial() {
      if (!existsSync(inBase('trial'))) return undefined
      const [from, to, boot, pid] = readFileSync(inBase('trial'), 'utf8').trim().split(' ')
      if (!from || !to || !boot || !pid)
        throw new LinliError('UPDATE_STATE', `${inBase('trial')} cannot be read; remove it`, { kind: 'fault' })
      return { from, to, boot, pid: Number(pid) }
    },
    endTrial(before) {
      if (before !== undefined) turn('previous', before)
      at('end trial')
      if (existsSync(inBase('trial'))) unlinkSync(inBase('trial'))
      syncFolder(base)
    },
    prune(keep) {
      const stays = new Set([linkOf('current'), linkOf('previous')])
      const age = (version: string) => lstatSync(join(base, 'versions', version)).ctimeMs
      const others = this.versions()
        .filter((version) => !stays.has(version))
        .toSorted((a, b) => age(b) - age(a))
      const gone = others.slice(Math.max(0, keep - stays.size))
      for (const version of gone) {
        at(`prune ${version}`)
        // Out of the way first: half a version must never look like one.
        renameSync(join(base, 'versions', version), join(base, 'versions', `.${version}`))
        rmSync(join(base, 'versions', `.${version}`), { recursive: true, force: true })
      }
      return gone
    },
  }
}

function syncFile(path: string): void {
  const fd = openSync(path, 'r')
  fsyncSync(fd)
  closeSync(fd)
}

const syncFolder = syncFile
