import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { connectOf, PINGREQ_PACKET } from '../support/mqtt-peer.ts'
import { startProgram } from '../support/program.ts'
import { type Bench, type Findings, NOT_INSTALLED, pause, ratioOf } from './bench.ts'
import { cpuMs, residentMb } from './host.ts'
import { startMosquitto } from './mosquitto.ts'
import { closeAtEnd } from './paths.ts'

/** Thousands of clients that are connected and say nothing, then only ping: memory and CPU of the broker. */

const CLIENTS = { full: 10_000, quick: 1_000 }
/** An address has some 28,000 ports of its own towards one broker. */
const CLIENTS_PER_ADDRESS = 2_500
const CONNECTS_AT_ONCE = 200
const WATCHED_MS = { full: 10_000, quick: 3_000 }
const SETTLE_MS = 3_000
/** Sockets here and in the broker, and what both have open besides. */
const SPARE_FILES = 500
const KEEP_ALIVE_S = 3_600

interface Idle {
  empty_mb: number
  idle_mb: number
  kb_per_client: number
  connect_ms: number
  idle_cpu: number
  ping_cpu: number
}

export async function idle(bench: Bench): Promise<Findings> {
  const clients = Math.min(bench.quick ? CLIENTS.quick : CLIENTS.full, openFilesMax() - SPARE_FILES)
  const hub = await startProgram('hub/main.ts', [
    ...['--dev', '--no-flows', '--data', bench.folder('hub'), '--log-level', 'warn'],
    ...['--mqtt-port', '0', '--http-port', '0'],
  ])
  closeAtEnd(bench, hub)
  bench.say(`idle: ${clients} clients at the hub`)
  const linli = await measure(bench, { pid: hub.pid, port: Number(hub.ready.mqttPort) }, clients)
  const mosquitto = await ofMosquitto(bench, clients)
  const pair = (what: string, of: (one: Idle) => number, unit: string, digits = 0) => ({
    what,
    linli: `${of(linli).toFixed(digits)} ${unit}`,
    peer: mosquitto ? `${of(mosquitto).toFixed(digits)} ${unit}` : NOT_INSTALLED,
    ratio: ratioOf(of(linli), mosquitto && of(mosquitto)),
  })
  const many = clients.toLocaleString('en')
  return {
    rows: [
      pair(`memory (RSS) with ${many} idle MQTT clients`, (one) => one.idle_mb, 'MB'),
      pair('memory for one idle client', (one) => one.kb_per_client, 'kB', 1),
      pair(`CPU with ${many} idle clients, of one core`, (one) => one.idle_cpu * 100, '%', 1),
      pair('CPU when each of them pings once a minute, of one core', (one) => one.ping_cpu * 100, '%', 1),
      pair(`time until ${many} clients are connected`, (one) => one.connect_ms / 1000, 's', 1),
    ],
    notes: [
      `Idle: CONNECT and nothing more, from ${Math.ceil(clients / CLIENTS_PER_ADDRESS)} loopback addresses, ${CONNECTS_AT_ONCE} connects under way at once, no login; RSS ${SETTLE_MS / 1000} s after the last one, CPU of all threads over ${(bench.quick ? WATCHED_MS.quick : WATCHED_MS.full) / 1000} s; the peer is mosquitto itself without a bridge.`,
    ],
    data: { clients, linli, mosquitto },
  }
}

async function ofMosquitto(bench: Bench, clients: number): Promise<Idle | undefined> {
  if (bench.mosquitto === undefined) return undefined
  const broker = await startMosquitto(bench.mosquitto, bench.folder('mosquitto'), ['max_connections -1'])
  bench.closers.push(() => broker.stop())
  bench.say(`idle: ${clients} clients at mosquitto`)
  return measure(bench, broker, clients)
}

async function measure(bench: Bench, broker: { pid: number; port: number }, clients: number): Promise<Idle> {
  await pause(SETTLE_MS)
  const empty_mb = residentMb(broker.pid).now
  const from_ms = performance.now()
  const sockets = await connectAll(bench, broker.port, clients)
  const connect_ms = performance.now() - from_ms
  await pause(SETTLE_MS)
  const idle_mb = residentMb(broker.pid).now
  const watched_ms = bench.quick ? WATCHED_MS.quick : WATCHED_MS.full
  const idle_cpu = await cpuOf(broker.pid, () => pause(watched_ms))
  const ping_cpu = await cpuOf(broker.pid, () => pingAll(sockets, watched_ms))
  for (const socket of sockets) socket.destroy()
  const kb_per_client = ((idle_mb - empty_mb) * 1000) / clients
  return { empty_mb, idle_mb, kb_per_client, connect_ms, idle_cpu, ping_cpu }
}

async function cpuOf(pid: number, work: () => Promise<void>): Promise<number> {
  const [cpu_ms, from_ms] = [cpuMs(pid), performance.now()]
  await work()
  return (cpuMs(pid) - cpu_ms) / (performance.now() - from_ms)
}

async function connectAll(bench: Bench, port: number, clients: number): Promise<Socket[]> {
  const sockets: Socket[] = []
  bench.closers.push(() => {
    for (const socket of sockets) socket.destroy()
  })
  let next = 0
  const worker = async () => {
    while (next < clients) {
      const n = next++
      sockets.push(await connectOne(port, n))
    }
  }
  await Promise.all(Array.from({ length: CONNECTS_AT_ONCE }, worker))
  return sockets
}

function connectOne(port: number, n: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const localAddress = `127.0.0.${2 + Math.floor(n / CLIENTS_PER_ADDRESS)}`
    const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true })
    socket.once('error', reject)
    socket.once('connect', () => socket.write(connectOf({ id: `idle-${n}`, keepAlive_s: KEEP_ALIVE_S })))
    socket.once('data', (connack) => {
      if ((connack as Buffer)[3] === 0) resolve(socket)
      else reject(new Error(`client ${n} was refused`))
      socket.resume()
    })
  })
}

/** At the pace of one ping a minute each. */
async function pingAll(sockets: Socket[], for_ms: number): Promise<void> {
  const from_ms = performance.now()
  let pinged = 0
  for (let passed_ms = 0; passed_ms < for_ms; passed_ms = performance.now() - from_ms) {
    for (const due = (passed_ms / 60_000) * sockets.length; pinged < due; pinged++)
      sockets[pinged % sockets.length]?.write(PINGREQ_PACKET)
    await pause(10)
  }
}

/** proc(5): how many files this process, and what it starts, may have open. */
function openFilesMax(): number {
  const match = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))
  return Number(match?.[1] ?? 1024)
}
