import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { SITE_TEXT } from '../support/estate.ts'
import { linli } from '../support/linli.ts'
import { type Program, startProgram } from '../support/program.ts'

/** `linli doctor` as an installer runs it: on a hub that is well, on one that hangs, on one that is broken, on a gateway. */

const LINLI = fileURLToPath(new URL('../../hub/cli/linli.js', import.meta.url))

interface Told {
  ok: number
  warning: number
  error: number
  findings: Array<{ probe: string; level: string; code: string; message: string; advice?: string }>
}

describe('linli doctor', () => {
  const dir = mkdtempSync(join(tmpdir(), 'linli-doctor-'))
  const data = join(dir, 'hub')
  let hub: Program | undefined
  afterAll(async () => {
    await hub?.kill()
    rmSync(dir, { recursive: true, force: true })
  })

  function doctor(args: string[], language = 'en'): Promise<{ code: number; out: string; err: string }> {
    return new Promise((resolve) => {
      const env = { ...process.env, VITEST: '', LINLI_LANG: language }
      execFile(process.execPath, [LINLI, 'doctor', ...args], { env }, (error, out, err) =>
        resolve({ code: error === null ? 0 : Number(error.code), out, err }),
      )
    })
  }
  const levels = ({ out }: { out: string }) =>
    new Map((JSON.parse(out) as Told).findings.map((one) => [one.code, one.level]))
  const start = () =>
    startProgram('hub/main.ts', [
      ...['--data', data, '--site', SITE_TEXT, '--host', '127.0.0.1', '--no-flows', '--http-port', '0'],
      ...['--mqtts-port', '0', '--https-port', '0', '--mqtt-port', '0'],
    ])

  it('is content with a hub that runs, over every way into it, and leaves no line in its audit log', async () => {
    hub = await start()
    const audit = () => linli('audit', ['show', '--data', data])
    const before = await audit()
    const said = await doctor(['--data', data, '--json'])
    expect(said.code, said.out).toBe(0)
    const found = (JSON.parse(said.out) as Told).findings
    expect(found.filter(({ level }) => level === 'error')).toEqual([])
    expect(found.filter(({ code }) => code === 'PORT_OPEN')).toHaveLength(4)
    expect(found.filter(({ code }) => code === 'BROKER_ANSWERS')).toHaveLength(2)
    expect(found.filter(({ code }) => code === 'CERTIFICATE_GOOD')).toHaveLength(2)
    for (const { level, advice } of found) expect(advice === undefined).toBe(level === 'ok')
    expect(await audit()).toBe(before)
    const chinese = await doctor(['--data', data], 'zh')
    expect(chinese.out).toContain('枢纽运行正常')
  })

  it('finds a hub that hangs, and still ends', async () => {
    hub?.signal('SIGSTOP')
    const said = await doctor(['--data', data, '--json'])
    hub?.signal('SIGCONT')
    expect(said.code).toBe(1)
    expect(levels(said).get('HUB_SILENT')).toBe('error')
  })

  it('finds what is broken in a hub that stands still', async () => {
    await hub?.kill()
    expect(levels(await doctor(['--data', data, '--json'])).get('HUB_STOPPED')).toBe('warning')
    writeFileSync(join(data, 'authority/hub.key'), 'no key')
    chmodSync(join(data, 'credentials.key'), 0o644)
    writeFileSync(join(data, 'upstreams.json'), '[{]', { mode: 0o600 })
    writeFileSync(join(data, 'site.json'), '{"version": 1', { mode: 0o600 })
    const said = await doctor(['--data', data, '--json'])
    expect(said.code).toBe(1)
    const found = levels(said)
    for (const code of ['CERTIFICATE_DAMAGED', 'SECRET_OPEN', 'UPSTREAMS_INVALID', 'SITE_INVALID'])
      expect(found.get(code), code).toBe('error')
  })

  it('looks at the box of a gateway', async () => {
    const file = join(dir, 'gateway.json')
    const port = join(dir, 'tty-none')
    writeFileSync(file, JSON.stringify({ gateway: 'gw-1', data: dir, boards: [{ id: 'b', port }], devices: [] }))
    const said = await doctor(['--gateway-config', file, '--json'])
    expect(said.code).toBe(1)
    expect(levels(said).get('SERIAL_MISSING')).toBe('error')
    expect(levels(said).get('NOT_ENROLLED')).toBe('error')
  })

  it('refuses to be told wrongly', async () => {
    for (const args of [
      [],
      ['--data', join(dir, 'nowhere')],
      ['--gateway-config', join(dir, 'none.json')],
      ['--no-such'],
    ])
      expect((await doctor(args)).code, args.join(' ')).toBe(2)
  })
})
