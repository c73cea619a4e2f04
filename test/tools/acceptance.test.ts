import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { readSigned } from '../../hub/commissioning/record.ts'
import { AcceptedSite } from '../support/accepted-site.ts'
import { WAIT } from '../support/estate.ts'
import { linli } from '../support/linli.ts'
import { needs } from '../support/needs.ts'
import { openTerminal, type Terminal } from '../support/terminal.ts'

/** From a sheet of devices to a signed acceptance record, as an installer goes, on simulated hardware. */

const BY = '李伟 Li Wei'

needs('zbarimg', 'zbar-tools')('a site, from its sheet to its acceptance record', () => {
  const site = new AcceptedSite()
  const out = join(site.dir, 'records')
  const keyboard = (...more: string[]) =>
    openTerminal(join(site.dir, 'tty'), ['commission', '--data', site.data, '--by', BY, '--out', out, ...more], {
      LINLI_LANG: 'en',
    })
  let terminal: Terminal

  /** What the person answers to what is asked. */
  async function asked(question: RegExp, answer: string): Promise<void> {
    await terminal.shows(new RegExp(`${question.source}.*\\] `))
    terminal.type(`${answer}\r`)
  }
  /** What the person does when told to. */
  async function told(instruction: RegExp, ...steps: object[]): Promise<void> {
    await terminal.shows(instruction)
    for (const step of steps) site.sim.send(step)
  }

  beforeAll(async () => {
    await site.startWorld()
    await site.init()
  })
  afterAll(() => site.end())

  it('is imported, labelled, and its gateway claimed with the code of its label', async () => {
    await linli('import', [join(site.dir, 'devices.csv'), '--data', site.data, '--apply'])
    await site.startHub()
    const all = JSON.parse(await linli('label', ['--data', site.data, '--out', join(site.dir, 'all.pdf'), '--json']))
    expect(all).toMatchObject({ labels: 5, pages: 1, secret: false })
    const label = join(site.dir, 'gw-1.pdf')
    const secret = ['--enrolment-codes', '--host', '127.0.0.1', '--sheet', '90x50']
    await linli('label', ['gw-1', '--data', site.data, '--out', label, ...secret])
    expect(statSync(label).mode & 0o777).toBe(0o600)
    execFileSync('pdftoppm', ['-r', '200', '-png', '-singlefile', label, label])
    const text = execFileSync('zbarimg', ['-q', '--raw', `${label}.png`], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
    await linli('gateway', ['claim', text, '--data', join(site.dir, 'gw-1')])
    await site.startGateway()
    await vi.waitFor(async () => {
      const listed = await linli('device', ['list', '--data', site.data, '--json'])
      expect((JSON.parse(listed) as { gateways: object }).gateways).toMatchObject({ 'gw-1': { status: 'current' } })
    }, WAIT)
  })

  it('is gone through at a terminal; a power cut in the middle costs one device at most', async () => {
    terminal = keyboard()
    await asked(/Begin\?/, '')
    await terminal.shows(/\[1\/4\] gw-1\/b1/)
    await asked(/is the lamp lit\?/, 'y')
    await told(/press this button now/, { do: 'press', device: 'b1', for_ms: 300 })
    await terminal.shows(/✓ pressed {2}→ upstream \d+ ms/)
    await terminal.shows(/✓ released .*\(\d+ ms\)/)
    await terminal.shows(/try the tamper loop/)
    terminal.kill()
    await terminal.exited

    terminal = keyboard()
    await terminal.shows(/going on where it stopped/)
    await asked(/Begin\?/, '')
    await terminal.shows(/\[1\/4\] gw-1\/b1/)
    await terminal.shows(/it was broken off here/)
    await asked(/is the lamp lit\?/, '')
    await told(/press this button now/, { do: 'press', device: 'b1', for_ms: 300 })
    await asked(/try the tamper loop/, 'y')
    await told(/open the loop now/, { do: 'cut', device: 'b1' })
    await told(/close the loop again/, { do: 'heal', device: 'b1' })
    await asked(/sound the siren/, 'n')
    await terminal.shows(/✓ reset, by command/)
    await terminal.shows(/passed {2}\(pressed → hub \d+ ± \d+ ms/)
  })

  it('opens gates, and a boom refuses to come down on somebody', async () => {
    await terminal.shows(/\[2\/4\] gw-1\/v1/)
    await terminal.shows(/✓ opened, by command/)
    await asked(/try the interlock/, 'y')
    await told(/step into the safety zone/, { do: 'loop-stuck', device: 'v1', loop: 'safety', reads: 'occupied' })
    await terminal.shows(/✓ refuses to close on somebody/)
    await told(/leave the safety zone/, { do: 'heal', device: 'v1' })
    await terminal.shows(/✓ closed, by command/)
    await terminal.shows(/\[3\/4\] gw-1\/d1/)
    await terminal.shows(/✓ opened, by command/)
    await told(/open the leaf/, { do: 'open-door', device: 'd1' })
    await told(/let the door close/, { do: 'close-door', device: 'd1' })
    await terminal.shows(/✓ leaf closed/)
  })

  it('stops at Ctrl-C and goes on; a device that fails is tried again', async () => {
    await terminal.shows(/\[4\/4\] gw-1\/air-1/)
    await terminal.shows(/cover this sensor/)
    terminal.type('\u0003')
    expect(await terminal.exited).toBe(3)
    terminal = keyboard()
    await asked(/Begin\?/, '')
    await terminal.shows(/\[4\/4\] gw-1\/air-1/)
    await terminal.shows(/cover this sensor/)
    terminal.type('s\r')
    await terminal.shows(/– reading moves: not tried/)
    await terminal.shows(/sign the record\?/i)
    terminal.type('n\r')
    expect(await terminal.exited).toBe(0)

    terminal = keyboard('--again', 'air-1')
    await asked(/Begin\?/, '')
    const moved = { do: 'fault', slave: 'air-1', quantity: 'temperature', how: 'offset', size: 3 }
    await told(/cover this sensor/, moved)
    await terminal.shows(/✓ reading moves {2}temperature [\d.]+ → [\d.]+ °C/)
    await asked(/sign the record\?/, '')
    expect(await terminal.exited).toBe(0)
  })

  it('has a record that holds, on paper too, and nobody can change it', async () => {
    const [file = ''] = readdirSync(out).filter((name) => name.endsWith('.json'))
    const record = join(out, file)
    const bytes = readFileSync(record)
    const read = readSigned(bytes)
    if (!read.ok) throw read.error
    const { devices, by, upstreams } = read.value.record
    expect({ by, upstreams }).toEqual({ by: BY, upstreams: ['upstream'] })
    expect(devices.map(({ device, outcome }) => `${device} ${outcome}`)).toEqual([
      'b1 pass',
      'v1 pass',
      'd1 pass',
      'air-1 pass',
    ])
    const press = devices[0]?.checks.find(({ check }) => check === 'press')?.measured
    expect(press).toEqual({
      edgeToHub_ms: expect.any(Number),
      edgeToHub_uncertainty_ms: expect.any(Number),
      upstream_ms: { upstream: expect.any(Number) },
    })
    const ca = join(site.data, 'authority', 'ca.crt')
    const verify = (path: string, ...more: string[]) => linli('commission', ['verify', path, '--json', ...more])
    expect(JSON.parse(await verify(record, '--ca', ca))).toMatchObject({ holds: true, isAuthorityKnown: true })
    const forged = site.write('forged.json', bytes.toString('utf8').replace('"outcome":"pass"', '"outcome":"skip"'))
    await expect(verify(forged)).rejects.toThrow(/ended with 3/)
    const audit = await linli('audit', ['show', '--data', site.data, '--json', '--actor', `installer:${BY}`])
    expect(audit).toContain('"action":"commissioned"')
    expect(await linli('audit', ['verify', '--data', site.data])).toMatch(/lines, whole|行,完好/)
  })

  needs('openssl', 'openssl')('without Linli', () => {
    it('is verified with openssl, as its page says', () => {
      const [file = ''] = readdirSync(out).filter((name) => name.endsWith('.json'))
      const lines = readFileSync(join(out, file), 'utf8').split('\n')
      writeFileSync(join(out, 'record'), lines[1] ?? '')
      writeFileSync(join(out, 'signature'), Buffer.from(JSON.parse(lines[3] ?? '') as string, 'base64'))
      const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: out, encoding: 'utf8' })
      writeFileSync(
        join(out, 'key'),
        openssl('x509', '-in', join(site.data, 'authority', 'ca.crt'), '-pubkey', '-noout'),
      )
      expect(openssl('dgst', '-sha256', '-verify', 'key', '-signature', 'signature', 'record')).toBe('Verified OK\n')
    })
  })

  describe('a card reader from its box, and what is switched in the park', () => {
    const data = ['--data', site.data]
    const readers = async () => JSON.parse(await linli('reader', ['list', ...data, '--json'])) as object[]
    const record = (id: string) => {
      const files = readdirSync(out).filter((name) => name.endsWith('.json') && name !== 'forged.json')
      const read = readSigned(readFileSync(join(out, files.sort().at(-1) ?? '')))
      if (!read.ok) throw read.error
      const found = read.value.record.devices.find(({ device }) => device === id)
      const checks = found?.checks.map(({ check, outcome, reason }) =>
        [check, outcome, reason].filter(Boolean).join(' '),
      )
      return { outcome: found?.outcome, checks }
    }

    it('are taken over by hub and gateway as they stand in the site, and a door with a reader without a key fails', async () => {
      const { file } = JSON.parse(await linli('credential', ['key', ...data, '--json']))
      site.addReaderAndOutputs(file)
      await vi.waitFor(async () => expect(await readers()).toMatchObject([{ id: 'r1', status: 'not-installed' }]), WAIT)
      terminal = keyboard('--again', 'd1')
      await asked(/Begin\?/, '')
      await terminal.shows(/× card reader r1: not installed: linli reader install does it/)
      await terminal.shows(/× online: tampered/)
      terminal.kill()
      await terminal.exited
      await linli('reader', ['install', ...data, '--gateway', 'gw-1', '--reader', 'r1'])
      await vi.waitFor(async () => expect(await readers()).toMatchObject([{ id: 'r1', status: 'secure' }]), WAIT)
    })

    it('are tried: a card that may not pass, a lamp for two seconds; a valve waits for its rain gauge', async () => {
      terminal = keyboard('--again', 'd1', 'park-1')
      await asked(/Begin\?/, '')
      await told(/open the leaf/, { do: 'open-door', device: 'd1' })
      await told(/let the door close/, { do: 'close-door', device: 'd1' })
      await asked(/try this card reader\? r1/, 'y')
      await told(/present a card that may not pass r1/, { do: 'card', reader: 'r1', facility: 17, number: 9999 })
      await terminal.shows(/✓ card reader r1 {2}→ upstream \d+ ms/)
      await asked(/switch this output on for two seconds\? path-lamp/, 'y')
      await asked(/did it go on\? path-lamp/, 'y')
      await terminal.shows(/✓ output seen: path-lamp/)
      await asked(/switch this output on for two seconds\? lawn/, 'y')
      await terminal.shows(/– output, by command: lawn: rain lock/)
      await asked(/sign the record/, '')
      expect(await terminal.exited).toBe(0)
      expect(record('d1')).toEqual({ outcome: 'pass', checks: expect.arrayContaining(['reader-r1 pass']) })
      expect(record('park-1')).toEqual({
        outcome: 'pass',
        checks: [
          'online pass',
          'output-path-lamp pass',
          'output-path-lamp-seen pass',
          'event pass',
          'output-lawn skip PARK_RAIN_LOCK',
        ],
      })
      const relay = (channel: number) =>
        site.sim.lines.map((line) => JSON.parse(line)).filter((one) => one.type === 'relay' && one.channel === channel)
      await vi.waitFor(() => expect(relay(0).map(({ on }) => on)).toEqual([true, false]), WAIT)
      expect(relay(1)).toEqual([])
    })
  })
})
