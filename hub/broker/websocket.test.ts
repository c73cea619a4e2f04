import { randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { connect, type Socket } from 'node:net'
import mqtt from 'mqtt'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import {
  connectOf,
  login,
  messages,
  PINGREQ_PACKET,
  packet,
  publish,
  subscribe,
  subscribed,
  until,
} from '../../test/support/mqtt-peer.ts'
import { type OpenBroker, startOpenBroker } from '../../test/support/open-broker.ts'

/** MQTT 3.1.1 §6 over real sockets, behind the same front as TCP. */

const CONNACK = Buffer.from([0x20, 2, 0, 0])
const PINGRESP = Buffer.from([0xd0, 0])

describe('MQTT over WebSocket', () => {
  let open: OpenBroker
  let http: Server
  let url: string
  const sockets: WebSocket[] = []
  const raw: Socket[] = []

  async function start(options: Parameters<typeof startOpenBroker>[0] = {}): Promise<void> {
    open = await startOpenBroker(options)
    http = createServer()
    http.on('upgrade', open.broker.upgrade)
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    const address = http.address() as { port: number }
    url = `ws://127.0.0.1:${address.port}/mqtt`
  }
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.terminate()
    for (const socket of raw.splice(0)) socket.destroy()
    await open.broker.close()
    await new Promise((resolve) => http.close(resolve))
  })

  interface Web {
    socket: WebSocket
    heard(): Buffer
    code(): number | undefined
  }
  async function web(protocols: string[] = ['mqtt'], headers: Record<string, string> = {}): Promise<Web> {
    const socket = new WebSocket(url, protocols, { headers, perMessageDeflate: false })
    sockets.push(socket)
    const heard: Buffer[] = []
    let code: number | undefined
    socket.on('message', (data, isBinary) => {
      // MQTT-6.0.0-1: so are the broker's own.
      expect(isBinary).toBe(true)
      heard.push(data as Buffer)
    })
    socket.on('error', () => undefined)
    socket.on('close', (reason) => {
      code = reason
    })
    await new Promise((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('unexpected-response', (_request, response) => reject(new Error(`HTTP ${response.statusCode}`)))
    })
    return { socket, heard: () => Buffer.concat(heard), code: () => code }
  }
  async function webLogin(id = 'web'): Promise<Web> {
    const made = await web()
    made.socket.send(connectOf({ id }))
    await until(() => made.heard().equals(CONNACK))
    return made
  }

  it('MQTT-6.0.0-1: ends the connection at a text frame, and serves the next client', async () => {
    await start()
    const one = await webLogin()
    one.socket.send('text')
    await until(() => one.code() !== undefined)
    expect(open.refused).toEqual(['MQTT-6.0.0-1'])
    await until(() => open.broker.connections() === 0)
    await webLogin('next')
  })

  it('MQTT-6.0.0-2: packets may lie across frames and many in one frame', async () => {
    await start()
    const one = await web()
    const stream = Buffer.concat([connectOf({ id: 'a' }), subscribe(1, ['t', 0]), publish('t', 'x'), PINGREQ_PACKET])
    for (const byte of stream) one.socket.send(Buffer.from([byte]))
    one.socket.send(Buffer.alloc(0))
    const isAnswered = (each: Web) => [PINGRESP, publish('t', 'x')].every((one) => each.heard().includes(one))
    await until(() => isAnswered(one))
    const two = await web()
    two.socket.send(stream)
    await until(() => isAnswered(two))
    expect(open.refused).toEqual([])
  })

  it.each([[[]], [['mqttv3.1']], [['chat', 'soap']]])(
    'MQTT-6.0.0-3: refuses who does not offer the subprotocol mqtt: %j',
    async (protocols) => {
      await start()
      await expect(web(protocols)).rejects.toThrow('HTTP 400')
      expect(open.refused).toEqual(['MQTT-6.0.0-3'])
      expect(open.broker.connections()).toBe(0)
    },
  )

  it('MQTT-6.0.0-4: answers with the subprotocol mqtt', async () => {
    await start()
    const one = await web(['chat', 'mqtt'])
    expect(one.socket.protocol).toBe('mqtt')
  })

  it('serves mqtt.js beside clients of TCP, both ways, big messages too', async () => {
    await start()
    const tcp = await login(open.port, { id: 'tcp' })
    await subscribed(tcp, ['from-web', 2])
    const client = await mqtt.connectAsync(url, { clientId: 'js', protocolVersion: 4, reconnectPeriod: 0 })
    const heard: Buffer[] = []
    client.on('message', (_topic, payload) => heard.push(payload))
    await client.subscribeAsync('from-tcp', { qos: 1 })
    const big = randomBytes(200_000)
    await client.publishAsync('from-web', big, { qos: 2 })
    tcp.send(packet(0x32, 'from-tcp', 0, 1, big))
    await until(() => heard.length === 1)
    expect(heard[0]?.equals(big)).toBe(true)
    expect((await messages(tcp, 1))[0]).toMatchObject({ topic: 'from-web', qos: 2 })
    await client.endAsync()
  })

  it('holds a stranger to a few kB, in one frame and in many', async () => {
    await start({ limits: { connect_bytes_max: 500 } })
    const large = await web()
    large.socket.send(Buffer.alloc(200_000))
    await until(() => large.code() !== undefined)
    // Announces a frame of 200 kB and brings it bit by bit: nothing of it is whole, and nothing is to be kept.
    const slow = await rawUpgrade()
    slow.write(Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 3, 0, 0, 1, 2, 3, 4]))
    let gone = false
    slow.on('close', () => {
      gone = true
    })
    for (let n = 0; n < 20; n++) slow.write(Buffer.alloc(100))
    await until(() => gone)
    expect(open.refused.every((cause) => ['before-login', 'MQTT-3.1.0-1'].includes(cause))).toBe(true)
    await webLogin()
  })

  it('refuses frames that are larger than a packet may be, unmasked or broken, and forgets their sender', async () => {
    await start({ limits: { packet_bytes_max: 1_000 } })
    const large = await webLogin()
    large.socket.send(Buffer.alloc(2_000))
    await until(() => large.code() !== undefined)
    for (const frame of [Buffer.from([0x82, 5, 1, 2, 3, 4, 5]), Buffer.from([0xf2, 0x80, 0, 0, 0, 0])]) {
      const socket = await rawUpgrade()
      let gone = false
      socket.on('close', () => {
        gone = true
      })
      socket.write(frame)
      await until(() => gone)
    }
    expect(open.refused).toEqual(['websocket-frame', 'websocket-frame', 'websocket-frame'])
    await until(() => open.broker.connections() === 0)
  })

  it('answers pings, and keeps no answers for who does not read them', async () => {
    await start()
    const one = await webLogin()
    const pong = new Promise<Buffer>((resolve) => one.socket.once('pong', resolve))
    one.socket.ping('abc')
    expect((await pong).toString()).toBe('abc')
  })

  it('lets a page of its own host in, and none of another', async () => {
    await start()
    const host = new URL(url).host
    await expect(web(['mqtt'], { origin: 'http://evil.example' })).rejects.toThrow('HTTP 403')
    await expect(web(['mqtt'], { origin: 'null' })).rejects.toThrow('HTTP 403')
    await web(['mqtt'], { origin: `http://${host}` })
    expect(open.refused).toEqual(['websocket-origin', 'websocket-origin'])
  })

  it('holds the limits of connections and of the time to CONNECT', async () => {
    await start({ limits: { connections_per_address_max: 1, loopback_limited: true, connect_ms_max: 100 } })
    const first = await web()
    const second = await web()
    await until(() => first.code() !== undefined && second.code() !== undefined)
    expect(open.refused).toEqual(['connections-of-address', 'connect-time'])
  })

  it('closes after a CONNACK that refuses', async () => {
    await start()
    const one = await web()
    one.socket.send(connectOf({ id: '', clean: false }))
    await until(() => one.code() !== undefined)
    expect(one.heard()).toEqual(Buffer.from([0x20, 2, 0, 2]))
  })

  /** A WebSocket whose frames are written by hand. */
  async function rawUpgrade(): Promise<Socket> {
    const { port, host } = new URL(url)
    const socket = connect(Number(port), '127.0.0.1')
    raw.push(socket)
    socket.on('error', () => undefined)
    socket.write(
      `GET /mqtt HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n`,
    )
    const answer = await new Promise<Buffer>((resolve) => socket.once('data', resolve))
    expect(answer.toString()).toContain('101 Switching Protocols')
    socket.resume()
    return socket
  }
})
