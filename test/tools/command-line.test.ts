import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import mqtt from 'mqtt'
import { afterAll, describe, expect, it } from 'vitest'
import { KNOWN_CARD } from '../../hub/cli/demo/entrance.ts'
import { decodeMessage } from '../../hub/contract/decode.ts'
import { plateFilter, plateTopic } from '../../hub/contract/plate.ts'
import { SITE, SITE_TEXT } from '../support/estate.ts'
import { startProgram } from '../support/program.ts'
import { FOREIGN, pressedEvent, publish } from '../support/publisher.ts'

/** The `linli` command as somebody types it. */

const LINLI = fileURLToPath(new URL('../../hub/cli/linli.js', import.meta.url))
const dir = mkdtempSync(join(tmpdir(), 'linli-cli-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

function json(name: string, value: unknown): string {
  const file = join(dir, name)
  writeFileSync(file, JSON.stringify(value))
  return file
}

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

function linli(
  args: string[],
  options: { until?: RegExp; signal?: NodeJS.Signals; env?: NodeJS.ProcessEnv } = {},
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [LINLI, ...args], {
      env: { ...process.env, VITEST: '', LANG: 'C.UTF-8', ...options.env },
    })
    let stdout = ''
    let stderr = ''
    let told = false
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString('utf8')
      if (!told && options.until?.test(stdout)) told = child.kill(options.signal ?? 'SIGTERM')
    })
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString('utf8')
    })
    child.once('exit', (code) => resolve({ code, stdout, stderr }))
  })
}

const PORTS = ['--mqtt-port', '0', '--http-port', '0']

describe('linli', () => {
  it('has all of a program that stays compiled before its first start, threads and pages too', async () => {
    const kept = (cache: string) => readdirSync(cache, { recursive: true }).map(String)
    const plain = join(dir, 'plain')
    const help = await linli(['hub', '--help'], { env: { NODE_COMPILE_CACHE: plain } })
    const XDG_CACHE_HOME = join(dir, 'home')
    expect(await linli(['hub', '--help'], { env: { XDG_CACHE_HOME, NODE_COMPILE_CACHE: undefined } })).toEqual(help)
    const [first] = kept(XDG_CACHE_HOME).filter((file) => /hub-\d+$/.test(file))
    expect(first).toBeDefined()
    // What is not loaded for the help text: the threads of the databases.
    expect(kept(XDG_CACHE_HOME).length).toBeGreaterThan(kept(plain).length + 20)
    expect(kept(XDG_CACHE_HOME).filter((file) => /pages-[0-9a-f]{32}$/.test(file))).toHaveLength(1)
    // Where nothing can be kept it works all the same.
    const nowhere = { XDG_CACHE_HOME: '/dev/null/cache', NODE_COMPILE_CACHE: undefined }
    expect(await linli(['hub', '--help'], { env: nowhere })).toEqual(help)
  }, 60_000)

  it.each([
    [['--help']],
    [['demo', '--help']],
    [['hub', '--help']],
    [['gateway', '--help']],
    [['sim', '--help']],
    [['client', '--help']],
    [['credential', '--help']],
    [['reader', '--help']],
    [['bus', '--help']],
    [[]],
  ])('explains itself: linli %s', async (args) => {
    const { code, stdout, stderr } = await linli(args)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('Usage: ')
  })

  it('speaks Chinese where the locale does', async () => {
    expect((await linli(['--help'], { env: { LC_ALL: 'zh_CN.UTF-8' } })).stdout).toContain('智慧社区')
  })

  it('refuses what it does not know with exit code 2', async () => {
    const { code, stderr } = await linli(['fly'])
    expect(code).toBe(2)
    expect(stderr).toContain('fly')
    expect((await linli(['demo', '--mqtt-port', 'abc'])).code).toBe(2)
    expect((await linli(['reader', 'install', '--data', '/nowhere'])).code).toBe(2)
    expect((await linli(['demo', '--board', 'arduino'])).stderr).toMatch(
      /--board is arduino; allowed: protocol, firmware/,
    )
  })

  it.each(['SIGTERM', 'SIGINT'] as const)('hub ends cleanly on %s', async (signal) => {
    const { code } = await linli(['hub', '--dev', '--no-flows', '--data', join(dir, signal), ...PORTS], {
      until: /"ready"/,
      signal,
    })
    expect(code).toBe(0)
  })

  it.each(['SIGTERM', 'SIGINT'] as const)('sim and gateway end cleanly on %s', async (signal) => {
    const port = join(dir, `tty-${signal}`)
    const boards = [{ id: 'a', kind: 'protocol', baud: 57600, port, devices: [] }]
    const simConfig = json(`sim-${signal}.json`, { seed: 1, boards })
    expect((await linli(['sim', '--config', simConfig], { until: /"ready"/, signal })).code).toBe(0)
    const gatewayConfig = json(`gateway-${signal}.json`, {
      gateway: 'gw-1',
      site: SITE,
      data: join(dir, `spool-${signal}`),
      uplink: { url: 'mqtt://127.0.0.1:1' },
      boards: [{ id: 'a', port }],
      devices: [],
    })
    expect((await linli(['gateway', '--config', gatewayConfig], { until: /"ready"/, signal })).code).toBe(0)
  })

  it('an account added on the command line opens the hub to it and to nobody else', async () => {
    const data = join(dir, 'accounts')
    const { stdout } = await linli(['client', 'add', 'gw-7', '--role', 'gateway', '--data', data, '--json'])
    const { secret } = JSON.parse(stdout) as { secret: string }
    expect((await linli(['client', 'add', 'city', '--role', 'king', '--data', data])).code).toBe(2)
    const asCamera = ['client', 'add', 'cam-1', '--role', 'camera', '--data', data, '--json']
    expect((await linli(asCamera)).code).toBe(2)
    const added = await linli([...asCamera, '--gateway', 'gw-7'])
    const cameraSecret = (JSON.parse(added.stdout) as { secret: string }).secret
    const hub = await startProgram('hub/main.ts', [
      '--no-flows',
      '--data',
      data,
      '--site',
      SITE_TEXT,
      ...PORTS.slice(0, 4),
      '--log-level',
      'warn',
    ])
    const port = Number(hub.ready.mqttPort)
    const as = (username: string, password: string) =>
      mqtt.connectAsync({
        host: '127.0.0.1',
        port,
        username,
        password,
        clientId: `c-${username}`,
        reconnectPeriod: 0,
        protocolVersion: 4,
      })
    try {
      await expect(as('gw-7', 'wrong')).rejects.toMatchObject({ code: 5 })
      await expect(as('gw-8', secret)).rejects.toMatchObject({ code: 5 })
      await expect(mqtt.connectAsync({ host: '127.0.0.1', port, reconnectPeriod: 0 })).rejects.toMatchObject({
        code: 5,
      })
      const gateway = await as('gw-7', secret)
      const own = pressedEvent(1, 'boot1', { ...FOREIGN, gateway: 'gw-7' })
      await publish(gateway, own.topic, own.payload)
      const plates = plateFilter(SITE, 'gw-7')
      await gateway.subscribeAsync(plates, { qos: 1 })
      const heard = new Promise<string>((resolve) => gateway.once('message', (topic) => resolve(topic)))
      const camera = await as('cam-1', cameraSecret)
      const reading = Buffer.from('{"plate":"A12345","confidence":0.9}')
      await publish(camera, plateTopic(SITE, 'gw-7', 'cam-1'), reading)
      expect(await heard).toBe(plateTopic(SITE, 'gw-7', 'cam-1'))
      await expect(camera.subscribeAsync(plates, { qos: 1 })).rejects.toThrow()
      await expect(publish(camera, plateTopic(SITE, 'gw-7', 'cam-2'), reading)).rejects.toThrow('closed')
      const other = pressedEvent(1, 'boot1')
      await expect(publish(gateway, other.topic, other.payload)).rejects.toThrow('closed')
      expect(hub.errors.some((line) => line.includes('ACCESS_DENIED'))).toBe(true)
    } finally {
      await hub.stop()
    }
  })
})

describe('linli demo', () => {
  it('--json prints what the district receives and nothing else, runs a scenario, ends with 0', {
    timeout: 90_000,
  }, async () => {
    const scenario = join(dir, 'scenario.json')
    // Somebody waits at the door and holds their card there until it opens: the credentials may still be on their way.
    const cards = Array.from({ length: 20 }, (_, n) => ({ at_ms: 1_000 + n * 2_000, do: 'card', reader: 'r1' }))
    const steps = [
      { at_ms: 100, do: 'press', device: 'b1', for_ms: 120 },
      { at_ms: 200, do: 'walk-through', device: 'd1', direction: 'in', patience_ms: 60_000 },
      ...cards.map((card) => ({ ...card, ...KNOWN_CARD })),
    ]
    writeFileSync(scenario, JSON.stringify({ name: 'a press and a card', steps }))
    const { code, stdout } = await linli(['demo', '--json', '--no-flows', '--scenario', scenario, ...PORTS], {
      until: /d1\/evt\/passage.*\n/,
      signal: 'SIGINT',
    })
    expect(code).toBe(0)
    const lines = stdout.split('\n').filter((line) => line !== '')
    const messages = lines.map((line) => JSON.parse(line) as { topic: string; payload: unknown })
    expect(messages.filter(({ topic }) => topic.endsWith('/b1/evt/pressed'))).toHaveLength(1)
    const passage = messages.find(({ topic }) => topic.endsWith('/d1/evt/passage'))?.payload
    expect(passage).toMatchObject({ data: { granted: true, by: 'card' } })
    for (const { topic, payload } of messages) {
      const decoded = decodeMessage(topic, Buffer.from(JSON.stringify(payload)), /\/(state|avail|meta)$/.test(topic))
      expect(decoded.ok ? undefined : `${topic}: ${decoded.error.message}`).toBeUndefined()
    }
  })

  it('--for ends by itself', { timeout: 90_000 }, async () => {
    const { code, stdout } = await linli(['demo', '--no-flows', '--for', '2', ...PORTS])
    expect(code).toBe(0)
    expect(stdout).toMatch(/mqtt:\/\/127\.0\.0\.1:\d+/)
  })

  it('a scenario that is none is one clear line and exit code 2', async () => {
    const file = join(dir, 'no.json')
    writeFileSync(file, '{}')
    const { code, stderr } = await linli(['demo', '--scenario', file, ...PORTS])
    expect(code).toBe(2)
    expect(stderr).toContain('"steps"')
  })
})
