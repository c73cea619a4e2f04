import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt, { type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Command } from '../../hub/contract/command.ts'
import { encodeJson } from '../../hub/contract/encode.ts'
import { makeEvent } from '../../hub/contract/event.ts'
import { formatTopic } from '../../hub/contract/topic.ts'
import { createStoreBackend } from '../../hub/history/backend.ts'
import { RETENTION } from '../../hub/history/types.ts'
import { SITE_TEXT, WAIT } from '../support/estate.ts'
import { linli } from '../support/linli.ts'
import { type OpenBroker, startOpenBroker } from '../support/open-broker.ts'
import { type Program, startProgram } from '../support/program.ts'
import { FOREIGN, pressedEvent, publish } from '../support/publisher.ts'

/** The drill: a hub is backed up while it works, lost, and another one goes on from the backup. */

const PASSPHRASE = 'a long passphrase'
const BOOT = 'boot1'

describe('a hub that is backed up and lost', () => {
  const dir = mkdtempSync(join(tmpdir(), 'linli-backup-'))
  const [data, restored] = [join(dir, 'hub'), join(dir, 'restored')]
  const backup = join(dir, 'hub.age')
  const passphrase = join(dir, 'passphrase')
  const clients: MqttClient[] = []
  const secrets: Record<string, string> = {}
  const delivered: string[] = []
  let hub: Program
  let district: OpenBroker
  let gateway: MqttClient
  let platform: MqttClient

  beforeAll(async () => {
    writeFileSync(passphrase, `${PASSPHRASE}\n`, { mode: 0o600 })
    district = await startOpenBroker()
    hub = await start(data)
    for (const [name, role] of [
      ['foreign', 'gateway'],
      ['city', 'platform'],
    ] as const) {
      const grants = role === 'platform' ? ['--read', 'all', '--command', 'all'] : []
      const said = await linli('client', ['add', name, '--role', role, ...grants, '--data', data, '--json'])
      secrets[name] = (JSON.parse(said) as { secret: string }).secret
    }
    await connect()
  })
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.endAsync(true)))
    await hub.kill()
    await district.broker.close()
    rmSync(dir, { recursive: true, force: true })
  })

  function start(folder: string): Promise<Program> {
    return startProgram('hub/main.ts', [
      ...['--data', folder, '--site', SITE_TEXT, '--host', '127.0.0.1', '--no-flows', '--http-port', '0'],
      ...['--mqtts-port', '0', '--https-port', '0', '--mqtt-port', '0'],
      ...['--upstream', `mqtt://127.0.0.1:${district.port}`],
    ])
  }
  async function connect(): Promise<void> {
    const login = async (username: string) => {
      const port = Number(hub.ready.mqttPort)
      const password = secrets[username] ?? ''
      const made = await mqtt.connectAsync({
        host: '127.0.0.1',
        port,
        username,
        password,
        clientId: username,
        reconnectPeriod: 0,
      })
      clients.push(made)
      return made
    }
    gateway = await login('foreign')
    platform = await login('city')
    gateway.on('message', (topic) => delivered.push(topic.split('/').at(-1) ?? ''))
    await gateway.subscribeAsync(formatTopic({ ...FOREIGN, channel: 'cmd', name: '+', id: '+' }), { qos: 1 })
    const own = { ...FOREIGN, class: 'gateway', device: FOREIGN.gateway } as const
    await publish(gateway, formatTopic({ ...own, channel: 'avail' }), '{"status":"online"}', true)
  }
  async function press(from: number, to: number): Promise<void> {
    for (let n = from; n <= to; n += 1) {
      const { topic, payload } = pressedEvent(n, BOOT)
      await publish(gateway, topic, payload)
    }
  }
  const received = () =>
    new Set(
      district.accepted
        .filter(({ topic }) => topic.endsWith('/evt/pressed'))
        .map(({ payload }) => (JSON.parse(Buffer.from(payload).toString()) as { id: string }).id),
    )
  const arrived = (from: number, to: number) =>
    vi.waitFor(() => {
      const ids = received()
      const wanted = Array.from({ length: to - from + 1 }, (_, n) => pressedEvent(from + n, BOOT).event.id)
      expect(
        wanted.filter((id) => !ids.has(id)),
        `of ${[...ids].slice(0, 3)}`,
      ).toEqual([])
    }, WAIT)
  async function order(id: string): Promise<void> {
    const command: Command = {
      id,
      name: 'reset',
      issuedat: new Date().toISOString(),
      expiresat: new Date(Date.now() + 600_000).toISOString(),
      actor: { kind: 'platform', id: 'city' },
      args: {},
    }
    const topic = formatTopic({ ...FOREIGN, channel: 'cmd', name: 'reset', id })
    await publish(platform, topic, Buffer.from(encodeJson(command)))
  }
  const got = (id: string) => vi.waitFor(() => expect(delivered).toContain(id), WAIT)
  const accounts = async (folder: string) => linli('client', ['list', '--data', folder])

  it('goes on from the backup: nothing is dropped, nothing is done twice, nobody is forgotten', async () => {
    await press(1, 5)
    await order('before')
    await got('before')
    const [made] = await Promise.all([
      linli('backup', ['--data', data, '--out', backup, '--passphrase-file', passphrase, '--json']),
      press(6, 40),
    ])
    expect(JSON.parse(made)).toMatchObject({ file: backup, skipped: [] })
    expect(readdirSync(data).filter((name) => name.startsWith('backup-copy'))).toEqual([])
    await press(41, 50)
    await arrived(1, 50)
    const known = await accounts(data)
    await hub.kill()
    await Promise.all(clients.splice(0).map((client) => client.endAsync(true)))

    await linli('restore', [backup, '--data', restored, '--passphrase-file', passphrase])
    expect(await accounts(restored)).toBe(known)
    for (const name of ['authority/ca.key', 'authority/ca.crt', 'credentials.key'])
      expect(readFileSync(join(restored, name), 'utf8')).toBe(readFileSync(join(data, name), 'utf8'))
    hub = await start(restored)
    await connect()
    // The same boot of the gateway goes on counting; and what it was not sure of comes again.
    await press(50, 60)
    await arrived(51, 60)
    await order('before')
    await order('after')
    await got('after')
    expect(delivered.filter((id) => id === 'before')).toEqual(['before'])
    const verified = await linli('audit', ['verify', '--data', restored, '--json'])
    expect(JSON.parse(verified)).toMatchObject({ whole: true })
    const doctor = JSON.parse(await linli('doctor', ['--data', restored, '--json'])) as { error: number }
    expect(doctor.error).toBe(0)
  })

  it('is not restored over anything, with a wrong passphrase, or from what was cut or changed', async () => {
    const target = join(dir, 'nowhere')
    const restore = (file: string, folder = target, secret = passphrase) =>
      linli('restore', [file, '--data', folder, '--passphrase-file', secret])
    await expect(restore(backup, restored)).rejects.toThrow('not empty')
    const wrong = join(dir, 'wrong')
    writeFileSync(wrong, 'another passphrase')
    await expect(restore(backup, target, wrong)).rejects.toThrow('ended with 2')
    const bytes = readFileSync(backup)
    const bad = join(dir, 'bad.age')
    writeFileSync(bad, bytes)
    truncateSync(bad, bytes.length - 1)
    await expect(restore(bad)).rejects.toThrow('cannot be used')
    bytes[bytes.length - 500] = (bytes[bytes.length - 500] ?? 0) ^ 1
    writeFileSync(bad, bytes)
    await expect(restore(bad)).rejects.toThrow('cannot be used')
    expect(readdirSync(dir).filter((name) => name.includes('nowhere'))).toEqual([])
  })

  it('is not backed up over anything, without a passphrase or with a short one, or from nothing', async () => {
    const make = (folder: string, out: string, secret: string[]) =>
      linli('backup', ['--data', folder, '--out', out, ...secret])
    const given = ['--passphrase-file', passphrase]
    await expect(make(restored, backup, given)).rejects.toThrow('is there already')
    await expect(make(restored, join(dir, 'x.age'), [])).rejects.toThrow('ended with 2')
    const short = join(dir, 'short')
    writeFileSync(short, 'short')
    await expect(make(restored, join(dir, 'x.age'), ['--passphrase-file', short])).rejects.toThrow('ended with 2')
    mkdirSync(join(dir, 'empty'))
    await expect(make(join(dir, 'empty'), join(dir, 'x.age'), given)).rejects.toThrow('no hub has run')
  })

  it('takes its readings of the past along when it is told to, and only then, while it runs and when it stands still', async () => {
    const air = { ...FOREIGN, class: 'park-sensor', device: 'air-1' } as const
    const first_ms = Date.now() - 60_000
    for (let n = 1; n <= 20; n++) {
      const t_ms = first_ms + n * 1000
      const stamp = { wall_ms: t_ms, monotonic_ms: n, quality: 'synced' } as const
      const readings = [{ bn: 'air-1/', bt: t_ms / 1000, n: 'temperature', u: 'Cel', v: n }]
      const pack = makeEvent({ address: air, bootid: 'air', sequence: n }, 'telemetry', 'notice', stamp, readings)
      await publish(gateway, formatTopic({ ...air, channel: 'tele' }), Buffer.from(encodeJson(pack)))
    }
    const readingsIn = async (folder: string) => {
      if (!existsSync(join(folder, 'history'))) return 'none'
      const backend = createStoreBackend({ folder: join(folder, 'history'), retention: RETENTION })
      const slice = { from_ms: first_ms, to_ms: first_ms + 60_000 }
      return backend.count(slice).finally(() => backend.close())
    }
    const drill = async (name: string, ...more: string[]) => {
      const [out, to] = [join(dir, `${name}.age`), join(dir, name)]
      await linli('backup', ['--data', restored, '--out', out, '--passphrase-file', passphrase, ...more])
      await linli('restore', [out, '--data', to, '--passphrase-file', passphrase])
      return readingsIn(to)
    }
    expect(await drill('without')).toBe('none')
    // Asking brings what the journal holds into the history.
    const asked = `http://127.0.0.1:${hub.ready.httpPort}/history/series`
    await vi.waitFor(async () => expect(await (await fetch(asked)).text()).toContain('temperature'), WAIT)
    expect(await drill('with', '--with-history')).toBe(20)
    await hub.stop()
    expect(await drill('still-with', '--with-history')).toBe(20)
  })

  it('is backed up just so when it stands still', async () => {
    const out = join(dir, 'still.age')
    await linli('backup', ['--data', restored, '--out', out, '--passphrase-file', passphrase])
    const again = join(dir, 'again')
    await linli('restore', [out, '--data', again, '--passphrase-file', passphrase])
    expect(await accounts(again)).toBe(await accounts(restored))
    expect(JSON.parse(await linli('audit', ['verify', '--data', again, '--json']))).toMatchObject({ whole: true })
  })
})
