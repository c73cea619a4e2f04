import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

/** What every measurement is handed, and what it gives back. */

export interface Bench {
  quick: boolean
  /** A new empty folder on the disk under test. */
  folder(name: string): string
  /** Progress, for people. */
  say(text: string): void
  /** Full path of mosquitto, or undefined when it is not installed. */
  mosquitto: string | undefined
  /** Where the hub writes a CPU profile at its end, when one was asked for. */
  profile: string | undefined
  /** Ends everything when a program of the bench dies under it. */
  fail(error: Error): void
  /** Closed in reverse order at the end of the measurement, whatever happens. */
  closers: Array<() => unknown>
}

export interface Row {
  what: string
  /** With its unit, or empty. */
  linli: string
  peer: string
  /** linli ÷ peer, or undefined where there is nothing to compare with. */
  ratio?: number | undefined
  aim?: { text: string; met: boolean } | undefined
}

export interface Findings {
  rows: Row[]
  /** How it was measured, one sentence each. */
  notes: string[]
  /** The figures behind the rows, for --json. */
  data: unknown
}

export type Measurement = (bench: Bench) => Promise<Findings>

export function createFolders(base: string): (name: string) => string {
  let made = 0
  return (name) => {
    made++
    const folder = join(base, `${made}-${name}`)
    mkdirSync(folder)
    return folder
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Below this a ratio says nothing, because the peer's figure is about nothing. */
const TINY = 1e-9

export function ratioOf(linli: number, peer: number | undefined): number | undefined {
  return peer === undefined || !(Math.abs(peer) > TINY) ? undefined : linli / peer
}

export const NOT_INSTALLED = 'not installed'

export function inMs(value: number | undefined): string {
  return value === undefined ? NOT_INSTALLED : `${value.toFixed(value < 10 ? 2 : 1)} ms`
}
