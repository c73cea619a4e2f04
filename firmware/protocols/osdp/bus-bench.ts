import { silentLogger } from '../../ports/logger.ts'
import { nodeAes } from './aes.ts'
import { createOsdpBus, type OsdpBus } from './bus.ts'
import type { BusConfig, ReaderConfig } from './bus-config.ts'
import { createLineInMemory, type LineInMemory, type ReaderInMemory } from './reader-in-memory.ts'
import type { SessionEvent } from './session-state.ts'

/** A bus with readers in memory, for tests; the test brings the fake clock. */

export interface BenchClock {
  tickAsync(ms: number): Promise<unknown>
}

export const SITE_KEY = Array.from({ length: 16 }, (_, i) => 0xc0 + i)

export interface BusBench {
  bus: OsdpBus
  line: LineInMemory
  events: Array<{ address: number; event: SessionEvent; at_ms: number }>
  /** Types of the events of a reader, with kind or reason. */
  story(address?: number): string[]
  /** Called for each event, from within. */
  listen(listener: (address: number, event: SessionEvent) => void): void
  run(ms: number): Promise<void>
  end(): Promise<void>
}

export interface BenchOptions extends Partial<Omit<BusConfig, 'readers'>> {
  plain?: boolean
  echo?: boolean
  reader?: Partial<ReaderConfig>
}

export function createBusBench(clock: BenchClock, readers: ReaderInMemory[], options: BenchOptions = {}): BusBench {
  const { plain, echo, reader, ...config } = { baud: 38_400, ...options }
  const line = createLineInMemory(readers, config.baud, { echo: echo ?? false })
  const events: BusBench['events'] = []
  let listener: (address: number, event: SessionEvent) => void = () => {}
  let random = 0
  const bus = createOsdpBus(
    {
      port: line,
      aes: nodeAes,
      randomBytes: (count) => Uint8Array.from({ length: count }, () => random++ & 0xff),
      random: () => 0.5,
      log: silentLogger,
      onEvent(address, event) {
        events.push({ address, event, at_ms: performance.now() })
        listener(address, event)
      },
    },
    {
      ...config,
      readers: readers.map(({ address }) => ({
        address,
        security: plain ? { mode: 'plain' } : { mode: 'secure', keys: [Uint8Array.from(SITE_KEY)] },
        ...reader,
      })),
    },
  )
  bus.start()
  const detail = (event: SessionEvent) => {
    if (event.type === 'offline') return `offline ${event.reason}`
    if (event.type === 'tamper') return `tamper ${event.kind}`
    return event.type
  }
  return {
    bus,
    line,
    events,
    story: (address) =>
      events.filter((one) => address === undefined || one.address === address).map(({ event }) => detail(event)),
    listen(next) {
      listener = next
    },
    run: async (ms) => {
      await clock.tickAsync(ms)
    },
    end: () => bus.close(),
  }
}
