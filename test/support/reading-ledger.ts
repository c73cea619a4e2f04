import type { SenmlPack } from '../../hub/contract/senml.ts'
import type { Log } from '../../hub/journal/types.ts'

/** What park sensors said, as their gateway's disk has it: the truth that a history is held against. */

export interface LedgerReading {
  device: string
  quantity: string
  t_ms: number
  value: number | null
  quality: string
  reason: string | null
}

export interface ReadingLedger {
  readonly readings: readonly LedgerReading[]
  /** Hears what park sensors append from now on, each once it is on disk. */
  listenTo<L extends Log>(log: L): L
}

export function createReadingLedger(): ReadingLedger {
  const readings: LedgerReading[] = []
  return {
    readings,
    listenTo(log) {
      const append = log.append.bind(log)
      log.append = async (entry) => {
        const appended = await append(entry)
        if (entry.lane === 'telemetry' && entry.topic.includes('/park-sensor/'))
          readings.push(...readingsIn(entry.topic, entry.payload))
        return appended
      }
      return log
    },
  }
}

/** Packs as the park sensors make them: base name and base time on the first record only. Resolved without the hub's decoder. */
function readingsIn(topic: string, payload: Uint8Array): LedgerReading[] {
  const device = topic.split('/').at(-2) ?? ''
  const { data } = JSON.parse(Buffer.from(payload).toString('utf8')) as { data: SenmlPack }
  const from_s = data[0]?.bt ?? Number.NaN
  return data.map(({ n = '', v, t = 0, q = 'good', qr }) => ({
    ...{ device, quantity: n, t_ms: Math.round((from_s + t) * 1000), value: v ?? null, quality: q, reason: qr ?? null },
  }))
}

/** One line a reading, sorted: equal when the same readings are there equally often. */
export function linesOf(readings: readonly LedgerReading[]): string[] {
  return readings
    .map((one) => [one.device, one.quantity, one.t_ms, one.value, one.quality, one.reason].map(String).join(' '))
    .sort()
}
