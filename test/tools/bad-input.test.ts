import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Estate, SITE, WAIT } from '../support/estate.ts'
import { needsThat } from '../support/needs.ts'
import { type ProgramFailed, startProgram } from '../support/program.ts'
import { connectTo, FOREIGN, pressedEvent, publish } from '../support/publisher.ts'

/** Bad input, each a clear error and nothing lost. */

async function metric(estate: Estate, pattern: RegExp): Promise<number> {
  const text = await (await fetch(`${estate.httpUrl}/metrics`)).text()
  return Number(pattern.exec(text)?.[1] ?? 0)
}

describe('bad messages at the hub', () => {
  const estate = new Estate({ boards: [['b1']] })
  beforeAll(() => estate.start())
  afterAll(() => estate.end())

  const good = pressedEvent(1)
  const path = good.topic.replace('/evt/pressed', '')
  const wrongData = JSON.stringify({ ...good.event, data: { press: 'one', atstart: false } })

  it.each([
    ['TOPIC_UNKNOWN', 'some/other/topic', '{}', false],
    ['TOPIC_MALFORMED', 'linli/v1/S 1/c1/e1/gw/alarm-button/b1/state', '{}', true],
    ['TOPIC_UNKNOWN', `${path}/evt/exploded`, '{}', false],
    ['PAYLOAD_NOT_JSON', good.topic, '{"id":', false],
    ['PAYLOAD_NOT_UTF8', good.topic, Buffer.from([0xff, 0xfe]), false],
    ['SCHEMA_VIOLATION', good.topic, wrongData, false],
    ['PAYLOAD_TOO_LARGE', good.topic, 'x'.repeat(70_000), false],
    ['RETAIN_FORBIDDEN', good.topic, good.payload, true],
    ['ENVELOPE_MISMATCH', good.topic.replace('/x1/', '/x2/'), good.payload, false],
  ])('%s is acknowledged, counted, said and not passed on: %s', async (code, topic, payload, retain) => {
    const pattern = new RegExp(`linli_messages_rejected_total\\{code="${code}"\\} (\\d+)`)
    const before = await metric(estate, pattern)
    const client = await connectTo(estate.mqttPort, `bad-${code.toLowerCase()}-${before}`)
    await publish(client, topic, payload, retain)
    expect(await metric(estate, pattern)).toBe(before + 1)
    expect(estate.hub.errors.some((line) => line.includes(code))).toBe(true)
    await client.endAsync()
  })

  it('goes on serving: a good message between the bad ones arrives, a repeated one once', async () => {
    const client = await connectTo(estate.mqttPort, 'good')
    await publish(client, 'some/other/topic', 'nonsense')
    await publish(client, good.topic, good.payload)
    await publish(client, good.topic, good.payload)
    await client.endAsync()
    await vi.waitFor(
      () => expect(estate.events('pressed').filter(({ device }) => device === FOREIGN.device)).toHaveLength(1),
      WAIT,
    )
    const marker = pressedEvent(2)
    const second = await connectTo(estate.mqttPort, 'good-2')
    await publish(second, marker.topic, marker.payload)
    await second.endAsync()
    await vi.waitFor(
      () =>
        expect(
          estate
            .events('pressed')
            .filter(({ device }) => device === FOREIGN.device)
            .map(({ id }) => id),
        ).toEqual([good.event.id, marker.event.id]),
      WAIT,
    )
  })

  it.each([
    ['a truncated CONNECT', Buffer.from([0x10, 0x20, 0x00, 0x04, 0x4d])],
    ['no MQTT at all', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a remaining length that never ends', Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x7f])],
  ])('survives %s', async (_name, bytes) => {
    await new Promise<void>((resolve) => {
      const socket = connect(estate.mqttPort, '127.0.0.1', () => socket.end(bytes))
      socket.on('error', () => undefined)
      socket.on('close', () => resolve())
    })
    expect((await fetch(`${estate.httpUrl}/healthz`)).status).toBe(200)
  })
})

describe('bad configuration', () => {
  const dir = mkdtempSync(join(tmpdir(), 'linli-bad-'))
  afterAll(() => rmSync(dir, { recursive: true, force: true }))

  function config(change: object): string {
    const file = join(dir, 'gateway.json')
    const good = {
      gateway: 'gw-1',
      site: SITE,
      data: join(dir, 'spool'),
      uplink: { url: 'mqtt://127.0.0.1:1' },
      boards: [{ id: 'a', port: '/dev/null', baud: 57600 }],
      devices: [],
    }
    writeFileSync(file, JSON.stringify({ ...good, ...change }))
    return file
  }

  async function failure(entry: string, args: string[]): Promise<ProgramFailed> {
    try {
      await startProgram(entry, args)
    } catch (error) {
      return error as ProgramFailed
    }
    throw new Error('it started')
  }

  it.each([
    [
      'an unknown device kind',
      { devices: [{ kind: 'toaster', id: 't1', board: 'a' }] },
      /devices\/0\/kind.*toaster.*alarm-button/,
    ],
    [
      'a missing board',
      { devices: [{ kind: 'alarm-button', id: 'b1', board: 'z', place: {}, contactPin: 2 }] },
      /board.*"?z"?/,
    ],
    ['a bad name', { gateway: 'Gate Way' }, /gateway/],
    ['a field nobody knows', { colour: 'red' }, /colour/],
  ])('gateway: %s is one clear line and exit code 2', async (_name, change, told) => {
    const { code, errors } = await failure('firmware/main.ts', ['--config', config(change)])
    expect(code).toBe(2)
    expect(errors.join('\n')).toMatch(told)
    expect(errors.join('\n')).not.toMatch(/^\s+at /m)
  })

  it('gateway: a file that is not JSON names line and column', async () => {
    const file = join(dir, 'torn.json')
    writeFileSync(file, '{\n  "gateway": "gw-1",\n  "site": {')
    const { code, errors } = await failure('firmware/main.ts', ['--config', file])
    expect(code).toBe(2)
    expect(errors.join('\n')).toMatch(/line 3/)
  })

  it('hub: a data folder that cannot be written is one clear line and exit code 2', async () => {
    const file = join(dir, 'a-file')
    writeFileSync(file, '')
    const { code, errors } = await failure('hub/main.ts', [
      '--dev',
      '--no-flows',
      '--mqtt-port',
      '0',
      '--http-port',
      '0',
      '--data',
      join(file, 'below'),
    ])
    expect(code).toBe(2)
    expect(errors).toEqual([expect.stringMatching(/cannot write to the data folder .*--data/)])
  })

  it('hub: a port in use is one clear line and exit code 2', async () => {
    const first = await startProgram('hub/main.ts', [
      '--dev',
      '--no-flows',
      '--mqtt-port',
      '0',
      '--http-port',
      '0',
      '--data',
      join(dir, 'one'),
      '--log-level',
      'warn',
    ])
    const { code, errors } = await failure('hub/main.ts', [
      '--dev',
      '--no-flows',
      '--mqtt-port',
      String(first.ready.mqttPort),
      '--http-port',
      '0',
      '--data',
      join(dir, 'two'),
      '--log-level',
      'warn',
    ])
    expect(code).toBe(2)
    expect(errors.join('\n')).toMatch(/port \d+ .*in use.*--mqtt-port/)
    const same = await failure('hub/main.ts', [
      '--dev',
      '--no-flows',
      '--mqtt-port',
      '0',
      '--http-port',
      '0',
      '--data',
      join(dir, 'one'),
      '--log-level',
      'warn',
    ])
    expect(same.code).toBe(2)
    expect(same.errors.join('\n')).toContain(join(dir, 'one'))
    await first.stop()
  })

  it('hub: --dev never listens beyond loopback', async () => {
    const { code, errors } = await failure('hub/main.ts', ['--dev', '--host', '0.0.0.0', '--data', join(dir, 'three')])
    expect(code).toBe(2)
    expect(errors.join('\n')).toMatch(/--dev .*loopback/)
  })
})

needsThat(
  process.getuid?.() === 0,
  'root, to mount a small tmpfs',
  'run as root',
)('a full disk', () => {
  const mount = mkdtempSync(join(tmpdir(), 'linli-full-'))
  afterAll(() => {
    execFileSync('umount', [mount])
    rmSync(mount, { recursive: true, force: true })
  })

  it('keeps the alarms, and recovers by itself', { timeout: 120_000 }, async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', mount])
    const data = join(mount, 'hub')
    mkdirSync(data)
    const hub = await startProgram('hub/main.ts', [
      '--dev',
      '--no-flows',
      '--mqtt-port',
      '0',
      '--http-port',
      '0',
      '--data',
      data,
      '--log-level',
      'warn',
    ])
    const port = Number(hub.ready.mqttPort)
    const filler = join(mount, 'filler')
    try {
      execFileSync('sh', ['-c', `dd if=/dev/zero of=${filler} bs=4096 2>/dev/null || true`])
      const client = await connectTo(port, 'full')
      for (let n = 1; n <= 200; n++) {
        const { topic, payload } = pressedEvent(n, 'bootfull')
        await publish(client, topic, payload)
      }
      rmSync(filler)
      for (let n = 201; n <= 210; n++) {
        const { topic, payload } = pressedEvent(n, 'bootfull')
        await publish(client, topic, payload)
      }
      await client.endAsync()
    } finally {
      await hub.stop()
    }
    const again = await startProgram('hub/main.ts', [
      '--dev',
      '--no-flows',
      '--mqtt-port',
      '0',
      '--http-port',
      '0',
      '--data',
      data,
      '--log-level',
      'warn',
    ])
    const text = await (await fetch(`http://127.0.0.1:${again.ready.httpPort}/metrics`)).text()
    await again.stop()
    // And the incidents that they raised.
    expect(Number(/linli_journal_entries\{lane="alarm"\} (\d+)/.exec(text)?.[1])).toBeGreaterThanOrEqual(210)
  })
})
