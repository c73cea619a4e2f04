import { type BoardConfig, decodeConfig } from '../config.ts'
import type { SimEvent } from '../events.ts'
import { createRandom } from '../random.ts'
import type { MemoryConnection, MemoryEndpoint } from '../serial/duplex.ts'
import { createWorld, type World } from '../world.ts'

/** What the tests' fake timers offer; the tests themselves install them. */
export interface VirtualClock {
  tick(ms: number): number
  uninstall(): void
}

export interface VirtualWorld {
  clock: VirtualClock
  world: World<MemoryEndpoint>
  events: SimEvent[]
  /** Ends the world and gives real time back. */
  end(): void
}

/** How to install fake timers for a virtual world. Any fixed moment makes wall-clock times repeat; this is a Monday. */
export const VIRTUAL_TIME: {
  now: number
  toFake: ('setTimeout' | 'clearTimeout' | 'setInterval' | 'clearInterval' | 'Date' | 'performance')[]
} = {
  now: Date.UTC(2026, 10, 23),
  toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
}

export function button(id: string, more: object = {}): object {
  return { kind: 'alarm-button', id, contactPin: 2, lampPin: 5, sirenPin: 6, ...more }
}

export function door(id: string, more: object = {}): object {
  return { kind: 'door', id, strike: 'fail-secure', strikePin: 8, contactPin: 2, rexPin: 4, ...more }
}

export function barrier(id: string, more: object = {}): object {
  const loops = { safetyPin: 7, approachPin: 8, exitPin: 9, beamPin: 10 }
  return { kind: 'barrier', id, raisePin: 2, lowerPin: 3, stopPin: 4, upPin: 5, downPin: 6, ...loops, ...more }
}

export function board(id: string, more: object = {}): object {
  return { id, kind: 'protocol', baud: 57_600, port: `/sim/${id}`, devices: [button(`${id}-button`)], ...more }
}

/** Starts a world in memory on the fake timers that are installed; `end` takes both down. */
export function startVirtualWorld(
  clock: VirtualClock,
  config: { boards: object[]; seed?: number; [more: string]: unknown },
): VirtualWorld {
  const decoded = decodeConfig(config)
  const events: SimEvent[] = []
  const world = createWorld(decoded, {
    endpoints: 'memory',
    random: createRandom(decoded.seed),
    emit: (event) => events.push(event),
  })
  world.start()
  return {
    clock,
    world,
    events,
    end() {
      world.close()
      clock.uninstall()
    },
  }
}

/** A host that keeps what it hears, with the moment in ms at which it heard it. */
export interface Listener {
  connection: MemoryConnection
  heard: { at_ms: number; bytes: number[] }[]
  /** Everything heard since the last call. */
  take(): number[]
}

export function listenTo(endpoint: MemoryEndpoint, baud: BoardConfig['baud'] = 57_600): Listener {
  const heard: Listener['heard'] = []
  let taken = 0
  const connection = endpoint.host.open({ baud })
  connection.on('data', (bytes) => heard.push({ at_ms: performance.now(), bytes: [...bytes] }))
  return {
    connection,
    heard,
    take() {
      const fresh = heard.slice(taken)
      taken = heard.length
      return fresh.flatMap(({ bytes }) => bytes)
    },
  }
}
