import type { Moment } from '../../moment.ts'
import type { Outcome } from '../driver.ts'
import type { PollResult } from './belief/machine.ts'
import type { OutputConfig } from './outputs/config.ts'
import type { Quantity } from './quantity.ts'

/** The hardware of a park sensor, whatever it hangs on: what it measures and switches, in the words of the machines. */

export interface SideListener {
  /** What one visit gave; it belongs into one poll. */
  results(results: readonly PollResult[], at: Moment): void
  /** Whether the outputs can be reached. */
  contact(ok: boolean): void
  /** What the hardware says an output is. */
  found(output: string, on: boolean): void
}

export interface ParkSide {
  readonly quantities: readonly Quantity[]
  readonly outputs: readonly OutputConfig[]
  /** Names of what can be set. */
  readonly settings: readonly string[]
  start(listener: SideListener): void
  /** Reads everything now. */
  read(): Promise<{ results: PollResult[]; at: Moment }>
  /** Never rejects. */
  write(output: string, on: boolean): Promise<'ok' | 'refused' | 'lost'>
  /** Writes a setting of the profile. Never rejects. */
  set(setting: string, value: number): Promise<Outcome>
  /** Outputs off, as far as they can be reached. */
  close(): void
}
