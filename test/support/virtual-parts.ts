import type { Duplex } from 'node:stream'
import { createGateway, type Gateway, type GatewayDeps } from '../../firmware/gateway/compose.ts'
import { decodeConfig } from '../../firmware/gateway/config.ts'
import { forkRandom, type Random } from '../../hardware-sim/random.ts'
import type { MemoryEndpoint } from '../../hardware-sim/serial/duplex.ts'
import type { World } from '../../hardware-sim/world.ts'
import { devAuthenticator } from '../../hub/auth/authenticator.ts'
import { createHub } from '../../hub/compose.ts'
import type { Hub } from '../../hub/hub.ts'
import type { createMemoryDisk } from '../../hub/journal/memory-backend.ts'
import { openMemoryLog } from '../../hub/journal/open.ts'
import type { Log } from '../../hub/journal/types.ts'
import { JOURNAL_LANES } from '../../hub/journal-lanes.ts'
import { createRegistry, type RegistryData } from '../../hub/registry/registry.ts'
import { singleUpstream } from '../../hub/upstream/settings.ts'
import { SITE } from './estate.ts'
import { memoryPorts } from './memory-port.ts'
import type { VirtualTime } from './virtual-time.ts'

/** The real hub and the real gateway over memory instead of disks, lines and sockets; either can be killed. */

/** A commit takes this long in virtual time, so that a kill can fall between an append and its promise. */
const COMMIT_MS = 2
const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, fatal() {} }
type Disk = ReturnType<typeof createMemoryDisk>

/** What a hub's file of gateways holds; it outlives the hub. */
export interface RegistryFile {
  data: RegistryData | null
}

export interface VirtualHub {
  hub: Hub
  log: Log
  /** What was not committed is gone; nothing that the hub does afterwards can be seen. */
  kill: () => void
}

/** A hub that has not been started. */
export async function openVirtualHub(parts: {
  disk: Disk
  registry: RegistryFile
  random: Random
  newId: () => string
  connectUpstream?: () => Duplex
  rejected?: (code: string) => void
}): Promise<VirtualHub> {
  const { disk, registry: file, random, newId, connectUpstream } = parts
  const log = await openMemoryLog(disk, { lanes: JOURNAL_LANES, commit_ms: COMMIT_MS })
  const registry = await createRegistry({
    adapter: {
      read: async () => structuredClone(file.data),
      write: async (data) => {
        file.data = structuredClone(data)
      },
    },
    onError: (error) => {
      throw error
    },
  })
  const hub = await createHub(
    {
      log,
      registry,
      authenticate: devAuthenticator,
      logger: silent,
      counters: {
        accepted() {},
        rejected: (code) => parts.rejected?.(code),
        duplicate() {},
        telemetryLost() {},
        shed() {},
        clientRefused() {},
        clientThrottled() {},
      },
      random: forkRandom(random),
      now_ms: Date.now,
      newId,
      machine: { boot: 'virtual', monotonic_ms: Date.now },
      ...(connectUpstream ? { connectUpstream } : {}),
    },
    {
      site: SITE,
      name: 'hub-1',
      dev: true,
      upstreams: connectUpstream ? [singleUpstream('mqtt://district:1883')] : [],
    },
  )
  return { hub, log, kill: () => log.kill() }
}

/** A gateway that has not been started, with what it needs of the world; what it has not is refused. */
export function createVirtualGateway(
  parts: {
    config: object
    disk: Disk
    world: World<MemoryEndpoint>
    time: VirtualTime
    random: Random
    boot: number
  } & {
    connect: () => Duplex
    watch?: (spool: Log) => Log
  } & Partial<Pick<GatewayDeps, 'clockSynced' | 'openPort' | 'readProfiles'>>,
): { gateway: Gateway; kill: () => void } {
  const { config, disk, world, time, random, boot, connect, watch = (spool) => spool, ...given } = parts
  const decoded = decodeConfig(JSON.stringify(config))
  if (!decoded.ok) throw decoded.error
  let kill = () => {}
  const gateway = createGateway(
    {
      openPort: virtualPorts(world, time),
      openSpool: async (settings) => {
        const spool = await openMemoryLog(disk, { ...settings, commit_ms: COMMIT_MS })
        kill = () => spool.kill()
        return watch(spool)
      },
      connect,
      openFolder: () => Promise.reject(new Error('this gateway has no credentials')),
      readKey: () => new Uint8Array(),
      readProfiles: () => new Map(),
      openGpio: () => Promise.reject(new Error('this gateway has no GPIO lines')),
      openCameraServer: () => Promise.reject(new Error('this gateway has no cameras')),
      randomBytes: (count) => new Uint8Array(count),
      random: forkRandom(random),
      bootid: String(boot).padStart(16, '0'),
      clockSynced: () => true,
      rss_bytes: () => 0,
      version: '0.1.0',
      log: silent,
      ...given,
    },
    decoded.value,
  )
  return { gateway, kill: () => kill() }
}

export function virtualPorts(world: World<MemoryEndpoint>, time: VirtualTime) {
  return memoryPorts(world, (path) => path.slice('/virtual/'.length), time.touch)
}

/** Starting and closing take virtual time, which somebody has to let pass: 10 s at most. */
export async function finish(time: VirtualTime, work: Promise<void>): Promise<void> {
  let done = false
  let failed: { error: unknown } | undefined
  work.then(
    () => {
      done = true
    },
    (error: unknown) => {
      failed = { error }
    },
  )
  for (let step = 0; step < 200 && !done && !failed; step++) await time.advance(50)
  if (failed) throw failed.error
  if (!done) throw new Error('a part does not get ready, or does not end')
}
