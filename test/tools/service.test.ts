import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Node } from '../../hub/cli/completion/tree.ts'
import programs from '../../hub/cli/programs.json' with { type: 'json' }
import { linli } from '../support/linli.ts'
import { needs } from '../support/needs.ts'

/** The command line as a whole, and the units that it writes. */

const ROOT = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '')
/** Programs of our own side by side. */
const AT_ONCE = 4
const dir = mkdtempSync(join(tmpdir(), 'linli-service-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

needs('systemd-analyze', 'systemd')('the units', () => {
  const units = ['linli-hub.service', 'linli-gateway.service'].map((name) => join(dir, 'etc/systemd/system', name))
  const install = (service: string, ...args: string[]) =>
    linli('service', ['install', service, '--app', ROOT, '--root', dir, ...args])

  it('are good in the eyes of systemd, and leave little open', async () => {
    await install('hub', '--', '--upstream', 'mqtt://a:b%c$d@district.example:1883')
    await install('gateway', '--watchdog', '/dev/watchdog')
    const verified = spawnSync('systemd-analyze', ['verify', ...units], { encoding: 'utf8' })
    expect(verified.stderr).not.toMatch(/linli-/)
    expect(verified.status).toBe(0)
    // 10 is a service without any protection, 0 one that can do nothing.
    execFileSync('systemd-analyze', ['security', '--offline=true', '--threshold=25', ...units], { stdio: 'pipe' })
    const [hub, gateway] = units.map((file) => readFileSync(file, 'utf8'))
    expect(hub).toContain('--upstream mqtt://a:b%%c$$d@district.example:1883\n')
    expect(gateway).toContain('DeviceAllow=/dev/watchdog rw')
  })

  it('can be looked at before and after, and taken away', async () => {
    const planned = JSON.parse(await linli('service', ['install', 'hub', '--dry-run', '--json'])) as { files: object[] }
    expect(planned.files).toHaveLength(2)
    await install('hub')
    expect(await linli('service', ['show', 'hub', '--root', dir])).toContain('Restart=always')
    await linli('service', ['uninstall', 'hub', '--root', dir])
    await expect(linli('service', ['show', 'hub', '--root', dir])).rejects.toThrow('ended with 2')
  })
})

describe('the command line', () => {
  let tree: Node[]
  const all = (nodes: Node[], above = ''): Array<{ path: string; node: Node }> =>
    nodes.flatMap((node) => [{ path: `${above}${node.name}`, node }, ...all(node.children, `${above}${node.name} `)])

  beforeAll(async () => {
    tree = JSON.parse(await linli('completion', ['json'])) as Node[]
    mkdirSync(join(dir, 'data-of-hub'))
  })

  it('says of every command what it is for, and speaks JSON wherever it says something', () => {
    /** They run until they are ended, write a file, speak only to a terminal, or read their arguments themselves. */
    const others = /^(hub|sim|gateway( claim)?|gpio|contract|history export|completion|service (show|uninstall))$/
    for (const { path, node } of all(tree)) {
      if (path !== 'sim') expect(node.description, path).not.toBe('')
      if (node.children.length > 0 || others.test(path)) continue
      expect(
        node.options.map(({ flag }) => flag),
        path,
      ).toContain('--json')
    }
  })

  it('ends with 2 when it is told what it does not know, and says so without a stack', async () => {
    const ended = async (name: string) => {
      const told = await linli(name, ['--no-such-flag']).then(
        () => 'ended with 0',
        (error: Error) => error.message,
      )
      expect(told).toMatch(new RegExp(`^linli ${name} ended with 2: `))
      expect(told).not.toMatch(/^\s+at /m)
    }
    const names = Object.keys(programs)
    for (let at = 0; at < names.length; at += AT_ONCE) await Promise.all(names.slice(at, at + AT_ONCE).map(ended))
  })

  it('is completed by bash', async () => {
    const file = join(dir, 'completion.bash')
    writeFileSync(file, await linli('completion', ['bash']))
    const completed = (...words: string[]) => {
      const line = words.map((word) => `'${word}'`).join(' ')
      const script = `source '${file}'; COMP_WORDS=(linli ${line}); COMP_CWORD=${words.length}; _linli; printf '%s\\n' "\${COMPREPLY[@]}"`
      return execFileSync('bash', ['-c', script], { encoding: 'utf8', cwd: dir }).trim().split('\n')
    }
    expect(completed('do')).toEqual(['doctor'])
    expect(completed('device', 're')).toEqual(['rename', 'replace', 'remove'])
    expect(completed('upstream', 'dead-letters', 'd')).toEqual(['drop'])
    expect(completed('service', 'install', 'g')).toEqual(['gateway'])
    expect(completed('doctor', '--data', 'data')).toEqual(['data-of-hub'])
    expect(completed('device', 'list', '--j')).toEqual(['--json'])
  })

  needs('zsh', 'zsh')('in zsh', () => {
    /** Tab in a shell with somebody at the keyboard; returns once the line is completed so. */
    const completes = (setUp: string, line: string, whole: string) => {
      const script = [
        'zmodload zsh/zpty',
        'zpty shell zsh -f -i',
        `zpty -w shell ${quoted(`PS1='> '; ${setUp}; print set-''up`)}`,
        `zpty -r shell text '*set-up*> *'`,
        `zpty -n -w shell ${quoted(`linli ${line}`)}$'\\t'`,
        `zpty -r shell text ${quoted(`*linli ${whole}*`)}`,
      ].join('\n')
      execFileSync('zsh', ['-f', '-c', script], { cwd: dir, timeout: 30_000 })
    }
    const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
    it('is completed, sourced and out of a folder of fpath, at the first Tab', async () => {
      mkdirSync(join(dir, 'site-functions'))
      writeFileSync(join(dir, 'site-functions', '_linli'), await linli('completion', ['zsh']))
      const begin = 'autoload -Uz compinit; compinit -u -D'
      const ofFolder = `fpath=(./site-functions $fpath); ${begin}`
      completes(ofFolder, 'do', 'doctor')
      completes(ofFolder, 'doctor --data data-of', 'doctor --data data-of-hub')
      completes(`${begin}; source ./site-functions/_linli`, 'upstream dead-letters dr', 'upstream dead-letters drop')
    })
  })

  needs('fish', 'fish')('in fish', () => {
    it('is completed, with what each is for', async () => {
      const file = join(dir, 'linli.fish')
      writeFileSync(file, await linli('completion', ['fish']))
      const completed = (line: string) =>
        execFileSync('fish', ['--no-config', '-c', `source '${file}'; complete -C 'linli ${line}'`], {
          encoding: 'utf8',
          cwd: dir,
        })
          .trim()
          .split('\n')
      expect(completed('do')).toEqual([expect.stringMatching(/^doctor\t\S/)])
      expect(completed('device re').map((one) => one.split('\t')[0])).toEqual(['remove', 'rename', 'replace'])
      expect(completed('upstream dead-letters d')).toEqual([expect.stringMatching(/^drop\t/)])
      expect(completed('service install g')).toEqual(['gateway'])
      expect(completed('doctor --data data')).toEqual(['data-of-hub/'])
      expect(completed('device list --j')).toEqual(['--json'])
    })
  })
})
