import type { Profiles } from '../drivers/park-sensor/profile/folder.ts'
import type { BytePortFactory } from '../ports/byte-port.ts'
import { type AskedLine, isAnswer, type LineSettings, openLine } from './line.ts'
import { recognise } from './recognise.ts'

/** Who is on a line: every address at every speed is asked, and who answers is asked what it is. */

export interface Scan {
  path: string
  units: readonly number[]
  bauds: readonly number[]
  parities: ReadonlyArray<LineSettings['parity']>
  timeout_ms: number
}

export interface FoundUnit {
  unit: number
  baud: number
  parity: LineSettings['parity']
  /** `unreadable`: somebody answers, and cannot be understood: two on one address, or another parity. */
  answer: 'reply' | 'exception' | 'unreadable'
  /** Names of profiles, the likeliest first. */
  profiles: string[]
  /** Two units of one address both answered. */
  doubled?: boolean
}

export interface ScanProgress {
  baud: number
  parity: LineSettings['parity']
  unit: number
  /** Of all questions, 0 to 1. */
  share: number
  found: number
}

/** Some units know only one of the two tables of registers, and say nothing at all to the other. */
const PROBES = ['holding', 'input'] as const

/** So many questions are asked again where nobody answered at all: a minute at most, and none of a scan of everything. */
const ASKED_AGAIN_MAX = 64

interface ScanDeps {
  openPort: BytePortFactory
  profiles: Profiles
  onProgress: (progress: ScanProgress) => void
}

/**
 * One lost reply hides nobody: at a speed at which somebody answered, whoever was silent is asked once more, and where nobody
 * answered at any speed everybody is. @throws {Error} when the port cannot be opened
 */
export async function scan(deps: ScanDeps, wanted: Scan): Promise<{ found: FoundUnit[]; echo: boolean }> {
  const first = await scanOnce(deps, wanted)
  const { units, bauds, parities } = wanted
  if (first.found.length > 0 || units.length * bauds.length * parities.length > ASKED_AGAIN_MAX) return first
  return scanOnce(deps, wanted)
}

async function scanOnce(
  deps: ScanDeps,
  { path, units, bauds, parities, timeout_ms }: Scan,
): Promise<{ found: FoundUnit[]; echo: boolean }> {
  const found: FoundUnit[] = []
  let echo = false
  let done = 0
  const count = units.length * bauds.length * parities.length
  for (const baud of bauds) {
    for (const parity of parities) {
      const line = await openLine(deps.openPort, { path, baud, parity, timeout_ms })
      const before = found.length
      const silent: number[] = []
      try {
        for (const unit of units) {
          deps.onProgress({ baud, parity, unit, share: done++ / count, found: found.length })
          const one = await find(line, unit, deps.profiles)
          if (one) found.push({ unit, baud, parity, ...one })
          else silent.push(unit)
        }
        for (const unit of found.length > before ? silent : []) {
          deps.onProgress({ baud, parity, unit, share: done / count, found: found.length })
          const one = await find(line, unit, deps.profiles)
          if (one) found.push({ unit, baud, parity, ...one })
        }
        echo ||= line.echoes
      } finally {
        await line.close()
      }
    }
  }
  return { found, echo }
}

async function find(line: AskedLine, unit: number, known: Profiles) {
  const answer = await probe(line, unit)
  if (answer === undefined) return undefined
  const isDoubled = await line.isDoubled(unit)
  const profiles = answer === 'unreadable' ? [] : (await recognise(line.ask, unit, known)).map(({ name }) => name)
  return { answer, profiles, ...(isDoubled ? { doubled: true } : {}) }
}

async function probe(line: AskedLine, unit: number): Promise<FoundUnit['answer'] | undefined> {
  let unreadable = false
  for (const table of PROBES) {
    const result = await line.probe(unit, table)
    if (isAnswer(result)) return result.ok ? 'reply' : 'exception'
    unreadable ||= !result.ok && result.code === 'BUS_CORRUPT'
  }
  return unreadable ? 'unreadable' : undefined
}
