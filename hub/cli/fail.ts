import { LinliError, reasonOf } from '../contract/errors.ts'

/** Ends a command that did not do what it was told to: with 2 when whoever called it can mend that, else with 1. */
export function fail(command: string, error: unknown): never {
  process.stderr.write(`linli ${command}: ${reasonOf(error)}\n`)
  process.exit(error instanceof LinliError && error.kind === 'caller' ? 2 : 1)
}
