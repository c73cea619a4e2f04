import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { afterAll, expect, it, vi } from 'vitest'
import { WAIT } from '../support/estate.ts'
import { needs, programPath } from '../support/needs.ts'
import { type Program, startProgram } from '../support/program.ts'
import { connectTo, pressedEvent, publish } from '../support/publisher.ts'

/** The upstream may be any MQTT 3.1.1 broker: here those that are not ours, killed while a subscriber with a session waits. */

/** A broker that is starting; `kill` is kill -9 of all of it. */
interface Broker {
  kill(): void
}
type Start = (dir: string, port: number) => Broker | Promise<Broker>

needs('mosquitto', 'mosquitto')('mosquitto as the upstream', () => survives(mosquitto))
needs('nats-server', 'nats-server')('NATS JetStream as the upstream', () => survives(nats))
needs('rabbitmq-server', 'rabbitmq-server')('RabbitMQ as the upstream', () => survives(rabbit))

function survives(start: Start): void {
  const dir = mkdtempSync(join(tmpdir(), 'linli-upstream-'))
  let broker: Broker | undefined
  let hub: Program | undefined
  afterAll(async () => {
    await hub?.kill()
    broker?.kill()
    rmSync(dir, { recursive: true, force: true })
  })

  it('gets every event across its own kill -9', { timeout: STORY_MS }, async () => {
    const port = await freePort()
    broker = await started(start, dir, port)
    hub = await startHub(join(dir, 'hub'), port)
    const seen = new Map<string, number>()
    const subscriber = mqtt.connect({
      host: '127.0.0.1',
      port,
      clientId: 'city',
      clean: false,
      reconnectPeriod: 50,
      protocolVersion: 4,
    })
    subscriber.on('error', () => undefined)
    subscriber.on('message', (_topic, payload) => {
      const { id } = JSON.parse(payload.toString('utf8')) as { id?: string }
      if (id !== undefined) seen.set(id, (seen.get(id) ?? 0) + 1)
    })
    await subscriber.subscribeAsync('linli/v1/+/+/+/foreign/#', { qos: 1 })

    const client = await connectTo(Number(hub.ready.mqttPort), 'foreign')
    const ids: string[] = []
    const send = async (from: number, to: number) => {
      for (let n = from; n <= to; n++) {
        const { topic, payload, event } = pressedEvent(n)
        ids.push(event.id)
        await publish(client, topic, payload)
      }
    }
    await send(1, 100)
    await vi.waitFor(() => expect(seen.size).toBe(100), WAIT)
    broker.kill()
    await send(101, 300)
    const subscribed = new Promise<void>((resolve) => subscriber.once('connect', () => resolve()))
    broker = await started(start, dir, port)
    await subscribed
    await send(301, 320)
    await vi.waitFor(() => {
      const missing = ids.filter((id) => !seen.has(id))
      expect(missing, `of ${ids.length}; the hub said: ${hub?.errors.join('\n')}`).toEqual([])
    }, BOOT)
    expect([...seen.keys()].filter((id) => !ids.includes(id))).toEqual([])
    await client.endAsync()
    await subscriber.endAsync()
  })
}

function startHub(data: string, port: number): Promise<Program> {
  const anyPorts = ['--mqtt-port', '0', '--http-port', '0']
  const upstream = ['--upstream', `mqtt://127.0.0.1:${port}`]
  return startProgram('hub/main.ts', [
    ...['--dev', '--no-flows', ...anyPorts],
    ...['--data', data, ...upstream, '--log-level', 'info'],
  ])
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

/** RabbitMQ boots for half a minute on a busy machine, and recovers what it held for as long again. */
const BOOT = { timeout: 120_000, interval: 100 }
/** Two boots and what waited in between. */
const STORY_MS = 400_000

/** In a process group of its own, because some are started by a script. */
function groupOf(program: string, args: string[], env: NodeJS.ProcessEnv = process.env): Broker {
  const child: ChildProcess = spawn(program, args, { stdio: 'ignore', detached: true, env })
  return {
    kill() {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      } catch {
        // It is gone already.
      }
    },
  }
}

/** Up when it takes an MQTT connection. */
async function started(start: Start, dir: string, port: number): Promise<Broker> {
  const broker = await start(dir, port)
  await vi.waitFor(async () => {
    const probe = await mqtt.connectAsync({
      host: '127.0.0.1',
      port,
      reconnectPeriod: 0,
      connectTimeout: 2_000,
      protocolVersion: 4,
    })
    await probe.endAsync()
  }, BOOT)
  return broker
}

/** Persistent, so that the subscriber's place survives; autosave after each change, because a kill -9 saves nothing. */
function mosquitto(dir: string, port: number): Broker {
  const file = join(dir, 'mosquitto.conf')
  const settings = [
    'persistence true',
    `persistence_location ${dir}/`,
    'autosave_on_changes true',
    'autosave_interval 1',
    'allow_anonymous true',
    `listener ${port} 127.0.0.1`,
    'user root',
  ]
  writeFileSync(file, `${settings.join('\n')}\n`)
  return groupOf(programPath('mosquitto') ?? 'mosquitto', ['-c', file])
}

/** MQTT over JetStream on disk; NATS' own port is any free one. */
function nats(dir: string, port: number): Broker {
  const file = join(dir, 'nats.conf')
  const store = join(dir, 'jetstream')
  mkdirSync(store, { recursive: true })
  const settings = [
    'server_name: linli-test',
    'host: "127.0.0.1"',
    'port: -1',
    `jetstream { store_dir: "${store}" }`,
    `mqtt { host: "127.0.0.1", port: ${port} }`,
  ]
  writeFileSync(file, `${settings.join('\n')}\n`)
  return groupOf(programPath('nats-server') ?? 'nats-server', ['-c', file])
}

/** The name service of Erlang is started first, in the foreground, so that it ends with the broker. */
async function rabbit(dir: string, port: number): Promise<Broker> {
  const names = String(await freePort())
  const at = (name: string) => join(dir, name)
  writeFileSync(at('plugins'), '[rabbitmq_mqtt].\n')
  writeFileSync(at('rabbitmq.conf'), `listeners.tcp = none\nmqtt.listeners.tcp.1 = 127.0.0.1:${port}\n`)
  const env = {
    ...process.env,
    HOME: dir,
    ERL_EPMD_PORT: names,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: 'linli@localhost',
    RABBITMQ_DIST_PORT: String(await freePort()),
    RABBITMQ_MNESIA_BASE: at('mnesia'),
    RABBITMQ_LOG_BASE: at('log'),
    RABBITMQ_PID_FILE: at('pid'),
    RABBITMQ_CONFIG_FILE: at('rabbitmq.conf'),
    RABBITMQ_CONF_ENV_FILE: at('none'),
    RABBITMQ_ENABLED_PLUGINS_FILE: at('plugins'),
  }
  const epmd = groupOf(programPath('epmd') ?? 'epmd', ['-port', names, '-address', '127.0.0.1'])
  const broker = groupOf('/usr/lib/rabbitmq/bin/rabbitmq-server', [], env)
  return {
    kill() {
      broker.kill()
      epmd.kill()
    },
  }
}
