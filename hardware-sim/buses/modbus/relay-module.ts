import type { Cancel } from '../../time/timeline.ts'
import { type Block, storedBlock } from './blocks.ts'
import { channelsOf, type RelayModuleConfig } from './config.ts'
import { ModbusSlave, type SlaveDeps, type SlaveParts } from './slave.ts'

const FAIL_SAFE_UNIT_MS = 100

/** Relays on a line. They stay as they are when the line dies, unless the fail-safe register says otherwise. */
export class RelayModule extends ModbusSlave {
  readonly #listeners: ((channel: number, on: boolean, at_ms: number) => void)[]

  constructor(deps: SlaveDeps, config: RelayModuleConfig) {
    const listeners: ((channel: number, on: boolean, at_ms: number) => void)[] = []
    super(deps, config, () =>
      relays(deps, config, (channel, on, at_ms) => {
        deps.emit({ type: 'relay', device: config.id, channel, on, at_ms: deps.timeline.wall_ms(at_ms) })
        for (const listener of listeners) listener(channel, on, at_ms)
      }),
    )
    this.#listeners = listeners
  }

  onSwitch(listener: (channel: number, on: boolean, at_ms: number) => void): void {
    this.#listeners.push(listener)
  }
}

function relays(
  { timeline }: SlaveDeps,
  config: RelayModuleConfig,
  switched: (channel: number, on: boolean, at_ms: number) => void,
): SlaveParts {
  const { fail_safe } = config
  const channels = channelsOf(config)
  const coils = new Array<number>(channels).fill(0)
  const silence = [0]
  let guard: Cancel | undefined

  function put(offset: number, values: readonly number[], at_ms: number): void {
    for (const [index, value] of values.entries()) {
      if (coils[offset + index] === value) continue
      coils[offset + index] = value
      switched(offset + index, value === 1, at_ms)
    }
  }
  const allOff = (at_ms: number) => put(0, new Array<number>(channels).fill(0), at_ms)

  function watch(at_ms: number): void {
    guard?.()
    const limit_ms = (silence[0] ?? 0) * (fail_safe?.unit_ms ?? FAIL_SAFE_UNIT_MS)
    guard = limit_ms === 0 ? undefined : timeline.at(at_ms + limit_ms, allOff)
  }

  const block: Block = {
    table: 'coil',
    address: 0,
    count: channels,
    read: () => coils,
    write(offset, values, at_ms) {
      put(offset, values, at_ms)
      return undefined
    },
  }
  const register = fail_safe && {
    ...storedBlock({ table: 'holding', address: fail_safe.register, values: silence, writable: true, written: watch }),
  }
  return {
    blocks: [block, ...(register ? [register] : [])],
    asked: watch,
    powered(on, at_ms) {
      if (!on) allOff(at_ms)
      watch(at_ms)
    },
  }
}
