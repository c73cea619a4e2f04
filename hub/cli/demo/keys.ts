import type { Address } from '../../contract/topic.ts'
import { text } from '../language.ts'
import { DEMO_BARRIER, DEMO_HUB, KNOWN_CARD, KNOWN_PLATE, UNKNOWN_CARD, UNKNOWN_PLATE } from './entrance.ts'
import { DEMO_SITE } from './estate.ts'
import { airCable, DEMO_RELAY, shower } from './park.ts'

/** A driver whom nobody lets in turns back after this. */
const PATIENCE_MS = 10_000

/** Keys of the demo; only where there is a terminal. */
export interface KeyActions {
  /** One step for the simulator. */
  sim(step: object): void
  /** A command of the district. */
  command(address: Address, name: string, args?: object): void
  isEvacuating(): boolean
  /** Stops or starts the embedded upstream; resolves with whether it runs now. Absent with an upstream of your own. */
  upstream: (() => Promise<boolean>) | undefined
  say(line: string): void
  quit(): void
}

export function readKeys(actions: KeyActions): { close(): void } | undefined {
  const { stdin } = process
  if (!stdin.isTTY) return undefined
  const byKey = keyTable(actions)
  actions.say(`  ${text('keys')}\n`)
  stdin.setRawMode(true)
  stdin.resume()
  const onData = (bytes: Buffer) => {
    for (const key of bytes.toString('utf8')) byKey[key]?.()
  }
  stdin.on('data', onData)

  return {
    close() {
      stdin.off('data', onData)
      stdin.setRawMode(false)
      stdin.pause()
    },
  }
}

function keyTable(actions: KeyActions): Record<string, () => void> {
  const { sim } = actions
  const toggled = { cut: false, unplugged: false, airOff: false }
  const press = (device: string) => () => sim({ do: 'press', device, for_ms: 200 })
  const card = (shown: { facility: number; number: number }) => () => sim({ do: 'card', reader: 'r1', ...shown })
  const car = (plate: string) => () =>
    sim({ do: 'vehicle', device: 'v1', plate, speed_m_s: 8, patience_ms: PATIENCE_MS })
  return {
    '1': press('b1'),
    '2': press('b2'),
    '3': press('b3'),
    '4': press('b4'),
    c() {
      toggled.cut = !toggled.cut
      sim({ do: toggled.cut ? 'cut' : 'heal', device: 'b1' })
    },
    u() {
      toggled.unplugged = !toggled.unplugged
      sim({ do: toggled.unplugged ? 'unplug' : 'replug', board: 'board-a' })
    },
    s() {
      actions
        .upstream?.()
        .then((running) => actions.say(`  upstream: ${running ? 'started' : 'stopped'}`))
        .catch((error: Error) => actions.say(`  upstream: ${error.message}`))
    },
    r: () => actions.command({ ...DEMO_SITE, gateway: 'gw-1', class: 'alarm-button', device: 'b1' }, 'reset'),
    k: card(KNOWN_CARD),
    x: card(UNKNOWN_CARD),
    w: () => sim({ do: 'walk-through', device: 'd1', direction: 'in' }),
    f: () => sim({ do: 'force', device: 'd1', for_ms: 1_500 }),
    v: car(KNOWN_PLATE),
    n: car(UNKNOWN_PLATE),
    o: () => actions.command(DEMO_BARRIER, 'open'),
    e: () => actions.command(DEMO_HUB, actions.isEvacuating() ? 'end-release' : 'release-all'),
    t() {
      toggled.airOff = !toggled.airOff
      sim(airCable(!toggled.airOff))
    },
    p: () => sim(shower()),
    l: () => actions.command(DEMO_RELAY, 'output', { output: 'path-lamp', on: true }),
    g: () => actions.command(DEMO_RELAY, 'output', { output: 'lawn', on: true }),
    '?': () => actions.say(`  ${text('keys')}`),
    q: actions.quit,
    // Raw mode hands Ctrl-C over as a byte.
    '\u0003': actions.quit,
  }
}
