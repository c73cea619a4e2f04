import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import mqtt from 'mqtt'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { HUB_HOST } from '../../hub/contract/enrolment.ts'
import { SITE, SITE_TEXT, WAIT } from '../support/estate.ts'
import { linli } from '../support/linli.ts'
import { type Program, startProgram } from '../support/program.ts'

/** A gateway's way into a hub that lets nobody in by default, as an installer goes it, and those who try without one. */

interface Code {
  code: string
  text: string
}

describe('a gateway without an account', () => {
  const dir = mkdtempSync(join(tmpdir(), 'linli-enrol-'))
  const hubData = join(dir, 'hub')
  const gatewayData = join(dir, 'gw-1')
  let sim: Program
  let hub: Program
  let gateway: Program | undefined

  beforeAll(async () => {
    const board = { id: 'board-1', kind: 'protocol', baud: 57600, port: join(dir, 'tty-board') }
    const devices = [{ kind: 'alarm-button', id: 'b1', contactPin: 2, loopPin: 0, lampPin: 5, sirenPin: 6 }]
    sim = await startProgram('hardware-sim/main.ts', [
      '--config',
      json('sim.json', { seed: 1, boards: [{ ...board, devices }] }),
    ])
    await startHub()
  })
  afterAll(async () => {
    await Promise.all([gateway?.kill(), hub?.kill(), sim?.kill()])
    rmSync(dir, { recursive: true, force: true })
  })

  async function startHub(): Promise<void> {
    const before = hub?.ready ?? { mqttsPort: 0, httpsPort: 0, mqttPort: 0 }
    hub = await startProgram('hub/main.ts', [
      ...['--data', hubData, '--site', SITE_TEXT, '--host', '127.0.0.1', '--no-flows', '--http-port', '0'],
      ...[
        '--mqtts-port',
        String(before.mqttsPort),
        '--https-port',
        String(before.httpsPort),
        '--mqtt-port',
        String(before.mqttPort),
      ],
    ])
  }
  function json(name: string, value: unknown): string {
    writeFileSync(join(dir, name), JSON.stringify(value))
    return join(dir, name)
  }
  const newCode = async (name = 'gw-1'): Promise<Code> =>
    JSON.parse(await linli('enrol', ['code', name, '--host', '127.0.0.1', '--data', hubData, '--json'])) as Code
  const claim = (text: string, data = gatewayData) => linli('gateway', ['claim', text, '--data', data])
  async function startGateway(): Promise<void> {
    const device = { kind: 'alarm-button', id: 'b1', board: 'board-1', place: { building: 'b-1', spot: 'lobby' } }
    const config = {
      gateway: 'gw-1',
      site: SITE,
      data: gatewayData,
      boards: [{ id: 'board-1', port: join(dir, 'tty-board'), baud: 57600 }],
      devices: [{ ...device, contactPin: 2, loopPin: 0, lampPin: 5, sirenPin: 6 }],
    }
    gateway = await startProgram('firmware/main.ts', ['--config', json('gw-1.json', config)])
  }
  /** What the hub says of itself to a platform's account on loopback. */
  async function heard<T>(filter: string, work: (messages: Array<Record<string, unknown>>) => Promise<T>): Promise<T> {
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${hub.ready.mqttPort}`, {
      ...platform,
      reconnectPeriod: 0,
    })
    const messages: Array<Record<string, unknown>> = []
    client.on('message', (_topic, payload) => messages.push(JSON.parse(payload.toString()) as Record<string, unknown>))
    await client.subscribeAsync(filter, { qos: 1 })
    try {
      return await work(messages)
    } finally {
      await client.endAsync(true)
    }
  }
  const platform = { username: 'city', password: '' }
  const site = `linli/v1/${SITE_TEXT}`

  it('is told what to do', async () => {
    await expect(startGateway()).rejects.toThrow(/linli gateway claim/)
  })

  it('enrols with a code, and its alarms arrive over TLS', async () => {
    const account = ['add', 'city', '--role', 'platform', '--read', 'all', '--data', hubData, '--json']
    platform.password = (JSON.parse(await linli('client', account)) as { secret: string }).secret
    await claim((await newCode()).text)
    expect(statSync(join(gatewayData, 'identity.json')).mode & 0o777).toBe(0o600)
    await startGateway()
    await heard(`${site}/gw-1/alarm-button/b1/#`, async (messages) => {
      await vi.waitFor(() => expect(messages.some(({ status }) => status === 'online')).toBe(true), WAIT)
      sim.send({ do: 'press', device: 'b1', for_ms: 100 })
      await vi.waitFor(
        () => expect(messages.some(({ data }) => (data as { press?: number })?.press === 1)).toBe(true),
        WAIT,
      )
    })
  })

  it('refuses codes that are used, unknown or another hub’s', async () => {
    const { text } = await newCode('gw-2')
    await claim(text, join(dir, 'gw-2'))
    await expect(claim(text, join(dir, 'thief'))).rejects.toThrow(/was used/)
    await expect(claim(text.replace(/code=\w+/, 'code=000000000000'), join(dir, 'thief'))).rejects.toThrow(
      /no such code/,
    )
    await expect(claim(text.replace(/ca=.{5}/, 'ca=AAAAA'), join(dir, 'thief'))).rejects.toThrow(
      /is not the hub that gave/,
    )
    await expect(claim('linli://nonsense', join(dir, 'thief'))).rejects.toThrow(/copied whole/)
  })

  it('tells a false hub nothing', async () => {
    const requests: string[] = []
    const spoof: Server = createServer((request, response) => {
      requests.push(request.url ?? '')
      response.end('no')
    })
    await new Promise<void>((resolve) => spoof.listen(0, '127.0.0.1', resolve))
    const { port } = spoof.address() as { port: number }
    const { text } = await newCode('gw-3')
    await expect(claim(text.replace(/:\d+\//, `:${port}/`), join(dir, 'thief'))).rejects.toThrow(
      /no hub answers|is not the hub/,
    )
    expect(requests).toEqual([])
    spoof.close()
  })

  it('speaks TLS 1.2 or later, and lets nobody in without a certificate or a password', async () => {
    const { authority, certificate, key } = JSON.parse(
      readFileSync(join(dir, 'gw-2', 'identity.json'), 'utf8'),
    ) as Record<string, string>
    const port = Number(hub.ready.mqttsPort)
    const tls = { host: '127.0.0.1', port, servername: HUB_HOST, ca: authority as string }
    const old = connectTls({ ...tls, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })
    await expect(new Promise((_, reject) => old.once('error', reject))).rejects.toThrow(/protocol|version|alert/i)
    const options = { ...tls, protocol: 'mqtts' as const, reconnectPeriod: 0, connectTimeout: 20_000 }
    await expect(mqtt.connectAsync({ ...options, clientId: 'nobody' })).rejects.toThrow(/[Nn]ot authorized/)
    const known = { cert: certificate as string, key: key as string }
    const client = await mqtt.connectAsync({ ...options, ...known, clientId: 'gw-2' })
    // Its own commands and nobody else's.
    const granted = await client
      .subscribeAsync([`${site}/gw-2/+/+/cmd/#`, `${site}/gw-1/+/+/cmd/#`], { qos: 1 })
      .catch((error: unknown) => error)
    expect(JSON.stringify(granted)).toMatch(/128|Unspecified|error/i)
    await client.endAsync(true)
  })

  it('is out at once when it is revoked, also after a restart of the hub', async () => {
    await heard(`${site}/gw-1/gateway/gw-1/avail`, async (messages) => {
      await vi.waitFor(() => expect(messages.at(-1)).toMatchObject({ status: 'online' }), WAIT)
      await linli('enrol', ['revoke', 'gw-1', '--data', hubData])
      await vi.waitFor(
        () => expect(gateway?.errors.join('\n')).toMatch(/[Nn]ot authorized|not let us in|refused/),
        WAIT,
      )
    })
    await hub.kill()
    await startHub()
    const listed = await linli('enrol', ['list', '--data', hubData, '--json'])
    expect((JSON.parse(listed) as { gateways: unknown[] }).gateways).toContainEqual(
      expect.objectContaining({ gateway: 'gw-1', status: 'revoked' }),
    )
    await gateway?.kill()
    await claim((await newCode()).text)
    await startGateway()
    await heard(`${site}/gw-1/gateway/gw-1/avail`, (messages) =>
      vi.waitFor(() => expect(messages.at(-1)).toMatchObject({ status: 'online' }), WAIT),
    )
  })
})
