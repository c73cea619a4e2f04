import { type Bench, type Findings, inMs, pause, ratioOf } from './bench.ts'
import { type Door, type Entrance, type Physical, startEntrance } from './entrance.ts'
import { percentile } from './statistics.ts'

/** A card before a reader → the strike's pin and the reader's light, beside a bus that only hears of the card. */

const CARDS = { full: 240, quick: 16 }
/** Out of step with every poll, and never two doors at work at once. */
const REST_MS = { least: 120, spread: 60 }
/** The issue's own limit. */
const FEEDBACK_MS_MAX = 200
const OPEN_LIMIT_MS = 10_000
const READY_LIMIT_MS = 30_000
const PRIME_EVERY_MS = 500

interface Presented {
  /** Epoch ms with fractions. */
  read_ms: number
  strike_ms: number
  light_ms: number
}

export async function card(bench: Bench): Promise<Findings> {
  const eyes = createEyes()
  const entrance = await startEntrance(bench, eyes)
  for (const door of entrance.doors) await prime(eyes, entrance, door)
  const count = bench.quick ? CARDS.quick : CARDS.full
  entrance.alone.port.take()
  const presented: Presented[] = []
  const alone_ms: number[] = []
  for (let n = 0; n < count; n++) {
    if (n % 40 === 0) bench.say(`card: ${n} of ${count}`)
    const door = entrance.doors[n % entrance.doors.length] as Door
    await eyes.until(() => !eyes.busy.has(door.id) && !eyes.busy.has(door.reader), `${door.id} does not come to rest`)
    presented.push(await eyes.present(entrance, door))
    await rest()
    alone_ms.push(await eyes.presentAlone(entrance))
    await rest()
  }
  const roundTrips_ms = entrance.alone.port
    .take()
    .filter(({ read_bytes }) => read_bytes > 0)
    .map(({ sent_ms, heard_ms }) => heard_ms - sent_ms)
  return findings(presented, alone_ms, roundTrips_ms)
}

type Eyes = ReturnType<typeof createEyes>

/** What is seen of the card that is being presented. */
function createEyes() {
  let seen: Partial<Presented> & { heard_ms?: number } = {}
  let watched: { door: string; reader: string } = { door: '', reader: '' }
  /** Strikes with current and readers with a green light. */
  const busy = new Set<string>()
  const checks = new Set<() => void>()

  function physical(event: Physical): void {
    const { type, device, at_ms } = event
    const isStrike = type === 'output' && event.output === 'strike'
    if (isStrike || type === 'led') {
      const on = isStrike ? event.on : event.color === 'green'
      if (on) busy.add(device)
      else busy.delete(device)
      if (on && device === watched.door) seen.strike_ms = at_ms
      if (on && device === watched.reader) seen.light_ms = at_ms
    }
    if (type === 'credential' && event.state === 'read' && device === watched.reader) seen.read_ms = at_ms
    for (const check of checks) check()
  }

  function until(done: () => boolean, complaint: string, limit_ms = OPEN_LIMIT_MS): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (error?: Error) => {
        clearTimeout(timer)
        checks.delete(check)
        if (error) reject(error)
        else resolve()
      }
      const check = () => {
        if (done()) end()
      }
      const timer = setTimeout(() => end(new Error(complaint)), limit_ms)
      checks.add(check)
      check()
    })
  }

  return {
    busy,
    until,
    physical,
    cardAlone(at_ms: number): void {
      seen.heard_ms = at_ms
      for (const check of checks) check()
    },
    async present(entrance: Entrance, door: Door, limit_ms?: number): Promise<Presented> {
      seen = {}
      watched = { door: door.id, reader: door.reader }
      entrance.present(door.reader)
      const done = () => seen.strike_ms !== undefined && seen.light_ms !== undefined
      await until(done, `a card does not open ${door.id}`, limit_ms)
      return seen as Presented
    },
    async presentAlone(entrance: Entrance): Promise<number> {
      seen = {}
      watched = { door: '', reader: entrance.alone.reader }
      entrance.present(entrance.alone.reader)
      await until(() => seen.heard_ms !== undefined && seen.read_ms !== undefined, 'the bus alone hears no card')
      return (seen.heard_ms ?? 0) - (seen.read_ms ?? 0)
    },
  }
}

/** Until the gateway has its board, the reader's channel and the credential. */
async function prime(eyes: Eyes, entrance: Entrance, door: Door): Promise<void> {
  const from_ms = performance.now()
  for (;;) {
    try {
      await eyes.present(entrance, door, PRIME_EVERY_MS)
      return
    } catch (error) {
      if (performance.now() - from_ms > READY_LIMIT_MS) throw error
    }
  }
}

function rest(): Promise<void> {
  return pause(REST_MS.least + Math.random() * REST_MS.spread)
}

function findings(presented: Presented[], alone_ms: number[], roundTrips_ms: number[]): Findings {
  const strike_ms = presented.map((one) => one.strike_ms - one.read_ms)
  const light_ms = presented.map((one) => one.light_ms - one.read_ms)
  return {
    rows: [
      ...[50, 99].map((percent) => {
        const floor_ms = percentile(alone_ms, percent)
        return {
          what: `card on the reader → strike pin, p${percent}`,
          linli: inMs(percentile(strike_ms, percent)),
          peer: `${inMs(floor_ms)} poll wait and wire: a bus alone`,
          ratio: ratioOf(percentile(strike_ms, percent), floor_ms),
        }
      }),
      {
        what: 'card on the reader → its light, p50 / p99 / max',
        linli: [50, 99, 100].map((percent) => inMs(percentile(light_ms, percent))).join(' / '),
        peer: '',
        aim: { text: `≤ ${FEEDBACK_MS_MAX} ms`, met: percentile(light_ms, 100) <= FEEDBACK_MS_MAX },
      },
    ],
    notes: [
      `Card: ${presented.length} presentations in turn at four doors of one gateway, each with its own reader line (38,400 baud, secure channel, polled every 50 ms, readers that answer after 2 ms), board at 57,600; from the card before the reader to the board's pin, both told by the simulator; in turn with them the same card at a fifth line on which a bus in the bench's own process only hears of it (its polls take ${inMs(percentile(roundTrips_ms, 50))} there and back, p99 ${inMs(percentile(roundTrips_ms, 99))}).`,
    ],
    data: { strike_ms, light_ms, alone_ms, roundTrips_ms },
  }
}
