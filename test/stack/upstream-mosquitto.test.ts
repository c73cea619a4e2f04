import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { afterAll, expect, it, vi } from 'vitest'
import { WAIT } from '../support/estate.ts'
import { needs, programPath } from '../support/needs.ts'
import { type Program, startProgram } from '../support/program.ts'
import { connectTo, pressedEvent, publish } from '../support/publisher.ts'

/** The upstream may be any MQTT 3.1.1 broker: here one that is not ours, killed while a subscriber with a session waits. */

needs('mosquitto', 'mosquitto')('mosquitto as the upstream', () => {
  const dir = mkdtempSync(join(tmpdir(), 'linli-mosquitto-'))
  let broker: ChildProcess | undefined
  let hub: Program | undefined
  afterAll(async () => {
    await hub?.kill()
    broker?.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  })

  it('gets every event across its own kill -9', async () => {
    const port = await freePort()
    broker = await startMosquitto(dir, port)
    hub = await startProgram('hub/main.ts', [
      '--dev',
      '--no-flows',
      '--mqtt-port',
      '0',
      '--http-port',
      '0',
      '--data',
      join(dir, 'hub'),
      '--upstream',
      `mqtt://127.0.0.1:${port}`,
      '--log-level',
      'warn',
    ])
    const seen = new Map<string, number>()
    const subscriber = mqtt.connect({
      host: '127.0.0.1',
      port,
      clientId: 'city',
      clean: false,
      reconnectPeriod: 50,
      protocolVersion: 4,
    })
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
    broker.kill('SIGKILL')
    await send(101, 300)
    const subscribed = new Promise<void>((resolve) => subscriber.once('connect', () => resolve()))
    broker = await startMosquitto(dir, port)
    await subscribed
    await send(301, 320)
    await vi.waitFor(() => expect([...seen.keys()].sort()).toEqual([...ids].sort()), WAIT)
    await client.endAsync()
    await subscriber.endAsync()
  })
})

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

/** Persistent, so that the subscriber's place survives; autosave after each change, because a kill -9 saves nothing. */
async function startMosquitto(dir: string, port: number): Promise<ChildProcess> {
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
  const child = spawn(programPath('mosquitto') ?? 'mosquitto', ['-c', file], { stdio: 'ignore' })
  await vi.waitFor(async () => {
    const probe = await mqtt.connectAsync({ host: '127.0.0.1', port, reconnectPeriod: 0, connectTimeout: 500 })
    await probe.endAsync()
  }, WAIT)
  return child
}
