import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { readStatus } from '../../hub/lifeline/status-file.ts'
import { SITE, SITE_TEXT, WAIT } from '../support/estate.ts'
import { createFaultShim, type FaultShim } from '../support/fault-shim.ts'
import { needs } from '../support/needs.ts'
import { type Program, startProgram } from '../support/program.ts'

/** What feeds a watchdog on a box with a hub and a gateway, and what does not; the watchdogs are files that grow. */

needs('cc', 'gcc libc6-dev')('a watchdog is fed while the way of alarms is proven', () => {
  const dir = mkdtempSync(join(tmpdir(), 'linli-watchdog-'))
  let [hub, gateway, distant]: Program[] = []
  let hubDisk: FaultShim | undefined
  const device = (name: string) => join(dir, `watchdog-${name}`)
  const fed = (name: string) => (existsSync(device(name)) ? statSync(device(name)).size : 0)
  const flags = (name: string) => ['--watchdog', device(name), '--self-test', '1']
  const lost = (name: string) =>
    vi.waitFor(() => expect(readStatus(join(dir, name))).toMatchObject({ status: 'lost' }), WAIT)
  /** So long that a watchdog of the same pace would have been fed many times. */
  const aWhile = async (clock: string) => {
    const before = fed(clock)
    await vi.waitFor(() => expect(fed(clock)).toBeGreaterThan(before + 3), WAIT)
  }
  const isFed = aWhile

  async function startGateway(name: string, url: string): Promise<Program> {
    const file = join(dir, `${name}.json`)
    const config = { gateway: name, site: SITE, data: join(dir, name), uplink: { url }, boards: [], devices: [] }
    writeFileSync(file, JSON.stringify(config))
    writeFileSync(device(name), '')
    return startProgram('firmware/main.ts', ['--config', file, ...flags(name)])
  }

  beforeAll(async () => {
    hubDisk = createFaultShim(dir, 'hub')
    writeFileSync(device('hub'), '')
    // An upstream that is away all the time.
    const upstream = ['--upstream', 'mqtt://127.0.0.1:9']
    const args = ['--dev', '--data', join(dir, 'hub'), '--site', SITE_TEXT, '--no-flows', ...upstream, ...flags('hub')]
    hub = await startProgram('hub/main.ts', [...args, '--mqtt-port', '0', '--http-port', '0'], { env: hubDisk.env })
    const url = `mqtt://127.0.0.1:${hub.ready.mqttPort}`
    gateway = await startGateway('gw-1', url)
    distant = await startGateway('gw-2', 'mqtt://hub.invalid:1883')
  })
  afterAll(async () => {
    await Promise.all([hub?.kill(), gateway?.kill(), distant?.kill()])
    hubDisk?.close()
    rmSync(dir, { recursive: true, force: true })
  })

  it('with the upstream away, and at a gateway whose hub elsewhere is away', async () => {
    await Promise.all([isFed('hub'), isFed('gw-1'), isFed('gw-2')])
    const metrics = await (await fetch(`http://127.0.0.1:${hub?.ready.httpPort}/metrics`)).text()
    expect(metrics).toMatch(/linli_alarm_way_age_seconds\{gateway="gw-1"\} \d/)
  })

  it('not while the hub on the same box hangs, and again when it goes on', async () => {
    hub?.signal('SIGSTOP')
    await lost('gw-1')
    const before = fed('gw-1')
    await aWhile('gw-2')
    expect(fed('gw-1')).toBe(before)
    hub?.signal('SIGCONT')
    await isFed('gw-1')
  })

  it("not while the hub's journal cannot be made durable: neither the hub's nor that of its gateway", async () => {
    hubDisk?.failFsync(true)
    await Promise.all([lost('hub'), lost('gw-1')])
    const before = [fed('hub'), fed('gw-1')]
    await aWhile('gw-2')
    expect([fed('hub'), fed('gw-1')]).toEqual(before)
    hubDisk?.failFsync(false)
    await Promise.all([isFed('hub'), isFed('gw-1')])
  })

  it('let rest by a process that ends as asked, and left running by one that is killed', async () => {
    await gateway?.stop()
    expect(readFileSync(device('gw-1'), 'utf8').endsWith('V')).toBe(true)
    await distant?.kill()
    expect(readFileSync(device('gw-2'), 'utf8')).not.toContain('V')
  })
})
