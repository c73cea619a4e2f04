import { LinliError } from '../contract/errors.ts'
import { askCounter } from '../counter/counter.ts'
import { accepted } from './credential/reach.ts'

/** A hub that starts has the journal before it has its counter; another command has it for a moment. */
const TRIES_MAX = 20
const TRY_EVERY_MS = 250

/**
 * Asks the hub that runs with a data folder at its counter, or else its files.
 * @param ofFiles holds the journal meanwhile, so that no change can go past a hub; throws JOURNAL_LOCKED while one has it
 */
export async function askWhoever<A extends { type: string }>(
  dataDir: string,
  request: object,
  ofFiles: () => Promise<A>,
): Promise<A> {
  for (let tries = 1; ; tries++) {
    try {
      return accepted(await askCounter<A>(dataDir, request))
    } catch (error) {
      if (!hasCode(error, 'COUNTER_CLOSED')) throw error
    }
    try {
      return await ofFiles()
    } catch (error) {
      if (!hasCode(error, 'JOURNAL_LOCKED') || tries >= TRIES_MAX) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, TRY_EVERY_MS))
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof LinliError && error.code === code
}
