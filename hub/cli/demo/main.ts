import { randomInt } from 'node:crypto'
import { LinliError } from '../../contract/errors.ts'
import { text } from '../language.ts'
import { runDemo } from './demo.ts'
import { demoOptions } from './options.ts'

/** `linli demo` (npm start). Exit codes: 0 ended as asked, 1 a part of it failed, 2 told wrongly. */
try {
  process.exitCode = await runDemo(demoOptions(process.argv), () => randomInt(2 ** 32) / 2 ** 32)
} catch (error) {
  process.stderr.write(
    `linli demo: ${error instanceof LinliError ? error.message : String((error as Error).stack ?? error)}\n`,
  )
  process.exitCode = error instanceof LinliError && error.kind === 'caller' ? 2 : 1
}
process.stderr.write(`${text('stopped')}\n`)
