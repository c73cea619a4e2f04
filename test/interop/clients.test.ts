import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { encodeJson } from '../../hub/contract/encode.ts'
import { makeEvent } from '../../hub/contract/event.ts'
import { formatTopic } from '../../hub/contract/topic.ts'
import { WAIT } from '../support/estate.ts'
import { needs, needsThat, programPath } from '../support/needs.ts'
import { type Program, startProgram } from '../support/program.ts'
import { FOREIGN, pressedEvent } from '../support/publisher.ts'

/** Clients that are not ours and share no code with us: mosquitto's of C and Paho's of Python, against a real hub. */

/** Debian's own, which finds Debian's modules; another one may come first in PATH. */
const PYTHON = '/usr/bin/python3'
const PAHO = fileURLToPath(new URL('./paho_client.py', import.meta.url))
const hasPaho = spawnSync(PYTHON, ['-c', 'import paho.mqtt.client']).status === 0
const FILTER = formatTopic({ ...FOREIGN, channel: 'evt', type: 'pressed' })

const dir = mkdtempSync(join(tmpdir(), 'linli-interop-'))
const children = new Set<ChildProcess>()
let hub: Program
let port = 0

const startHub = (mqttPort: number) =>
  startProgram('hub/main.ts', [
    '--dev',
    '--no-flows',
    '--mqtt-port',
    String(mqttPort),
    '--http-port',
    '0',
    '--data',
    dir,
    '--log-level',
    'warn',
  ])
beforeAll(async () => {
  hub = await startHub(0)
  port = Number(hub.ready.mqttPort)
})
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await hub?.kill()
  rmSync(dir, { recursive: true, force: true })
})

let boots = 0
/** Events of a boot of their own: none is the repetition of another test's. */
function events(count: number): Array<[topic: string, payload: string]> {
  const boot = `interop${++boots}`
  return Array.from({ length: count }, (_, n) => {
    const { topic, payload } = pressedEvent(n + 1, boot)
    return [topic, payload.toString()]
  })
}

function bigReading(): [topic: string, payload: string] {
  const stamp = { wall_ms: Date.now(), monotonic_ms: 1, quality: 'synced' } as const
  const pack = Array.from({ length: 500 }, (_, n) => ({ n: `reading-${n}`, vs: 'x'.repeat(90) }))
  const event = makeEvent(
    { address: FOREIGN, bootid: `interop${++boots}`, sequence: 1 },
    'telemetry',
    'notice',
    stamp,
    pack,
  )
  return [formatTopic({ ...FOREIGN, channel: 'tele' }), Buffer.from(encodeJson(event)).toString()]
}

const availability = (device: string, status: string): [string, string] => [
  formatTopic({ ...FOREIGN, device, channel: 'avail' }),
  JSON.stringify({ status, since: '2027-01-01T00:00:00.000Z', ...(status === 'online' ? {} : { reason: 'interop' }) }),
]

/** A program that runs until it ends by itself. */
function run(
  program: string,
  args: string[],
  input = '',
): { child: ChildProcess; lines: string[]; ended: Promise<number | null> } {
  // Into a pipe the C library would keep every line until the end.
  const child = spawn('stdbuf', ['-oL', programPath(program) ?? program, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  children.add(child)
  const lines: string[] = []
  const errors: string[] = []
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => lines.push(line))
  createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => errors.push(line))
  child.stdin?.on('error', () => undefined)
  if (input !== '') child.stdin?.end(input)
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      children.delete(child)
      if (code !== 0) lines.push(...errors)
      resolve(code)
    })
  })
  return { child, lines, ended }
}

needs('mosquitto_sub', 'mosquitto-clients')('mosquitto_pub and mosquitto_sub', () => {
  const at = () => ['-h', '127.0.0.1', '-p', String(port), '-V', 'mqttv311']
  /** mosquitto_sub that ends after so many messages; `-d` tells when its SUBACK is there. */
  async function listen(filter: string, count: number, ...more: string[]) {
    const one = run('mosquitto_sub', [
      ...at(),
      '-t',
      filter,
      '-C',
      String(count),
      '-W',
      '60',
      '-d',
      '-F',
      'MSG %q %r %t %p',
      ...more,
    ])
    await vi.waitFor(() => expect(one.lines.some((line) => line.startsWith('Subscribed'))).toBe(true), WAIT)
    return one
  }
  const heard = (lines: string[]) => lines.filter((line) => line.startsWith('MSG ')).map((line) => line.slice(4))
  async function say([topic, payload]: [string, string], qos: number, ...more: string[]): Promise<void> {
    const one = run('mosquitto_pub', [...at(), '-t', topic, '-q', String(qos), '-s', ...more], payload)
    expect(await one.ended, one.lines.join('\n')).toBe(0)
  }

  it.each([0, 1, 2])('QoS %i both ways', async (qos) => {
    const listener = await listen(FILTER, 3, '-q', String(qos))
    const sent = events(3)
    for (const one of sent) await say(one, qos)
    await listener.ended
    expect(heard(listener.lines)).toEqual(sent.map(([topic, payload]) => `${qos} 0 ${topic} ${payload}`))
  })

  it('retained messages, wildcards and a will', async () => {
    await say(availability('m1', 'online'), 1, '-r')
    const listener = await listen('linli/v1/+/+/+/foreign/+/m1/avail', 2, '-q', '1')
    const [topic, payload] = availability('m1', 'offline')
    const mortal = run('mosquitto_sub', [
      ...at(),
      '-t',
      'nothing',
      '-d',
      '--will-topic',
      topic,
      '--will-payload',
      payload,
      '--will-qos',
      '1',
      '--will-retain',
    ])
    await vi.waitFor(() => expect(mortal.lines.some((line) => line.startsWith('Subscribed'))).toBe(true), WAIT)
    mortal.child.kill('SIGKILL')
    await listener.ended
    expect(heard(listener.lines).map((line) => line.slice(0, 4))).toEqual(['1 1 ', '1 0 '])
    expect(heard(listener.lines)[1]).toContain(payload)
  })

  it('a persistent session', async () => {
    const session = ['-q', '1', '-c', '-i', 'mosquitto-keeper']
    const first = run('mosquitto_sub', [...at(), '-t', FILTER, '-E', ...session])
    expect(await first.ended).toBe(0)
    const sent = events(5)
    for (const one of sent) await say(one, 1)
    const again = run('mosquitto_sub', [...at(), '-t', FILTER, '-C', '5', '-W', '60', '-F', 'MSG %p', ...session])
    await again.ended
    expect(heard(again.lines)).toEqual(sent.map(([, payload]) => payload))
  })

  it('a big message', async () => {
    const [topic, payload] = bigReading()
    expect(payload.length).toBeGreaterThan(50_000)
    const listener = await listen(topic, 1, '-q', '2')
    await say([topic, payload], 2)
    await listener.ended
    expect(heard(listener.lines)).toEqual([`2 0 ${topic} ${payload}`])
  })
})

needsThat(
  hasPaho,
  'paho for Python',
  'apt-get install python3-paho-mqtt',
)('paho for Python', () => {
  const task = (scenario: string, filter: string, messages: Array<[string, string]>, more: object = {}) =>
    `${JSON.stringify({ scenario, port, filter, messages, ...more })}\n`
  async function paho<T>(...given: Parameters<typeof task>): Promise<T> {
    const one = run(PYTHON, [PAHO], task(...given))
    expect(await one.ended, one.lines.join('\n')).toBe(0)
    return JSON.parse(one.lines.at(-1) as string) as T
  }
  type Heard = { heard: Array<[topic: string, payload: string, qos: number, retain: boolean]> }
  const same = (messages: Array<[string, string]>, qos: number, retain = false) =>
    messages.map(([topic, payload]) => [topic, payload, qos, retain])

  it.each([0, 1, 2])('QoS %i both ways, in order', async (qos) => {
    const sent = events(50)
    const { heard } = await paho<Heard>('both-ways', FILTER, sent, { qos })
    expect(heard).toEqual(same(sent, qos))
  })

  it('retained messages behind wildcards', async () => {
    const sent = [availability('p1', 'online'), availability('p2', 'fault')]
    const { heard } = await paho<Heard>('retained', 'linli/v1/+/+/+/foreign/alarm-button/+/avail', sent)
    expect(heard).toEqual(expect.arrayContaining(same(sent, 1, true)))
  })

  it('a will', async () => {
    const dead = availability('p3', 'offline')
    const { heard } = await paho<Heard>('will', dead[0], [dead])
    expect(heard).toEqual(same([dead], 1))
  })

  it('a persistent session', async () => {
    const sent = events(20)
    const { present, was, heard } = await paho<Heard & { present: number; was: number }>('session', FILTER, sent)
    expect([was, present]).toEqual([0, 1])
    expect(heard).toEqual(same(sent, 1))
  })

  it('a big message', async () => {
    const big = bigReading()
    const { heard } = await paho<Heard>('both-ways', big[0], [big], { qos: 1 })
    expect(heard).toEqual(same([big], 1))
  })

  it('a keep alive of one second', async () => {
    const sent = events(1)
    const { heard, disconnects } = await paho<Heard & { disconnects: number }>('keep-alive', FILTER, sent)
    expect({ heard, disconnects }).toEqual({ heard: same(sent, 1), disconnects: 0 })
  })

  it('comes back by itself when the hub was killed, and what waited is acknowledged', async () => {
    const one = run(PYTHON, [PAHO])
    one.child.stdin?.write(task('restart', FILTER, events(20)))
    await vi.waitFor(() => expect(one.lines).toContain('ready'), WAIT)
    await hub.kill()
    one.child.stdin?.write('go\n')
    await vi.waitFor(() => expect(one.lines).toContain('waiting'), WAIT)
    hub = await startHub(port)
    expect(await one.ended, one.lines.join('\n')).toBe(0)
    const { published, disconnects } = JSON.parse(one.lines.at(-1) as string) as {
      published: boolean
      disconnects: number[]
    }
    expect(published).toBe(true)
    expect(Math.min(...disconnects)).toBeGreaterThan(0)
  })
})

describe('the clients', () => {
  it('leave nothing of theirs behind', () => {
    expect(children.size).toBe(0)
  })
})
