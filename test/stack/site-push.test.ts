import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { SITE, SITE_TEXT, WAIT } from '../support/estate.ts'
import { linli } from '../support/linli.ts'
import { type Program, startProgram } from '../support/program.ts'

/** A gateway that has enrolled gets its devices from the site, refuses what it cannot run on, and runs with its hub away. */

interface Listed {
  devices: object[]
  gateways: Record<string, { status: string; version?: number; error?: { code: string; message: string } }>
}

describe('a gateway of a site', () => {
  const dir = mkdtempSync(join(tmpdir(), 'linli-push-'))
  const [data, gatewayData, port] = [join(dir, 'hub'), join(dir, 'gw-1'), join(dir, 'tty-board')]
  let sim: Program
  let hub: Program
  let gateway: Program
  let secret = ''
  const device = (...args: string[]) => linli('device', [...args, '--data', data])
  const gw1 = async () => {
    const listed = JSON.parse(await device('list', '--json')) as Listed
    return listed.gateways['gw-1']
  }
  const becomes = (expected: object) =>
    vi.waitFor(async () => expect(await gw1()).toMatchObject(expected), { ...WAIT, interval: 500 })

  async function startHub(): Promise<void> {
    const before = hub?.ready ?? { mqttsPort: 0, httpsPort: 0, mqttPort: 0, httpPort: 0 }
    const ports = {
      'mqtts-port': before.mqttsPort,
      'https-port': before.httpsPort,
      'mqtt-port': before.mqttPort,
      'http-port': before.httpPort,
    }
    const flags = Object.entries(ports).flatMap(([name, number]) => [`--${name}`, String(number)])
    hub = await startProgram('hub/main.ts', ['--data', data, '--host', '127.0.0.1', '--no-flows', ...flags])
  }
  function json(name: string, value: unknown): string {
    writeFileSync(join(dir, name), JSON.stringify(value))
    return join(dir, name)
  }
  async function startGateway(): Promise<void> {
    const config = json('gw-1.json', { gateway: 'gw-1', site: SITE, data: gatewayData, boards: [], devices: [] })
    gateway = await startProgram('firmware/main.ts', ['--config', config])
  }
  /** What a platform hears of the button after `act`. */
  async function press(): Promise<void> {
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${hub.ready.mqttPort}`, {
      username: 'city',
      password: secret,
      reconnectPeriod: 0,
    })
    const messages: Array<Record<string, unknown>> = []
    client.on('message', (_topic, payload) => messages.push(JSON.parse(payload.toString()) as Record<string, unknown>))
    await client.subscribeAsync(`linli/v1/${SITE_TEXT}/gw-1/alarm-button/b1/#`, { qos: 1 })
    await vi.waitFor(() => expect(messages.some(({ status }) => status === 'online')).toBe(true), WAIT)
    messages.length = 0
    sim.send({ do: 'press', device: 'b1', for_ms: 100 })
    await vi.waitFor(
      () => expect(messages.some(({ data: told }) => (told as { press?: number })?.press !== undefined)).toBe(true),
      WAIT,
    )
    await client.endAsync(true)
  }

  beforeAll(async () => {
    const simulated = { id: 'board-1', kind: 'protocol', baud: 57600, port }
    const button = { kind: 'alarm-button', id: 'b1', contactPin: 2, loopPin: 0, lampPin: 5, sirenPin: 6 }
    sim = await startProgram('hardware-sim/main.ts', [
      '--config',
      json('sim.json', { seed: 1, boards: [{ ...simulated, devices: [button] }] }),
    ])
    await linli('init', ['--data', data, '--site', SITE_TEXT, '--yes'])
    await startHub()
    secret = (
      JSON.parse(
        await linli('client', [
          'add',
          'city',
          '--role',
          'platform',
          '--read',
          'all',
          '--command',
          'all',
          '--data',
          data,
          '--json',
        ]),
      ) as {
        secret: string
      }
    ).secret
    const { text } = JSON.parse(
      await linli('enrol', ['code', 'gw-1', '--host', '127.0.0.1', '--data', data, '--json']),
    ) as { text: string }
    await linli('gateway', ['claim', text, '--data', gatewayData])
    await startGateway()
  })
  afterAll(async () => {
    await Promise.all([gateway?.kill(), hub?.kill(), sim?.kill()])
    rmSync(dir, { recursive: true, force: true })
  })

  it('gets a device that was added at the hub, and its alarms arrive', async () => {
    const wiring = ['contactPin=2', 'loopPin=0', 'lampPin=5', 'sirenPin=6'].flatMap((one) => ['--set', one])
    await device(
      'add',
      'b1',
      '--gateway',
      'gw-1',
      '--kind',
      'alarm-button',
      '--board',
      'board-1',
      '--port',
      port,
      ...wiring,
    )
    await becomes({ status: 'current', version: 1 })
    await press()
  })

  it('refuses what it cannot run on, names the field, and stays as it is; the next good one counts', async () => {
    await device('replace', 'b1', '--set', 'contactPin=999')
    await becomes({
      status: 'refused',
      version: 1,
      error: { code: 'CONFIG_INVALID', message: expect.stringContaining('/devices/0/contactPin') },
    })
    const answer = await fetch(`http://127.0.0.1:${hub.ready.httpPort}/healthz`)
    expect(await answer.json()).toMatchObject({
      status: 'failing',
      problems: [expect.stringContaining('gateway gw-1 does not take its configuration (CONFIG_INVALID)')],
    })
    await press()
    await device('replace', 'b1', '--set', 'contactPin=2')
    await becomes({ status: 'current', version: 1 })
    await device('move', 'b1', '--label', '大堂')
    await becomes({ status: 'current', version: 2 })
  })

  it('runs on it with its hub away, after a power cut too, and a damaged copy gives way to the one before', async () => {
    const current = join(gatewayData, 'configuration', 'current.json')
    await hub.kill()
    await gateway.kill()
    await startGateway()
    sim.send({ do: 'press', device: 'b1', for_ms: 100 })
    await startHub()
    await becomes({ status: 'current', version: 2 })
    await press()
    await gateway.kill()
    expect(existsSync(current)).toBe(true)
    writeFileSync(current, readFileSync(current, 'utf8').replace('"version":2', '"version":9'))
    await startGateway()
    await vi.waitFor(() => expect(gateway.errors.join('\n')).toContain('CONFIG_UNTRUSTED'), WAIT)
    // It says that it has the one before, and gets the present one again.
    await becomes({ status: 'current', version: 2 })
    await press()
  })
})
