import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const LINLI = fileURLToPath(new URL('../../hub/cli/linli.js', import.meta.url))

/** Runs `linli NAME …` to its end; resolves with its stdout, rejects with what it said when it failed. */
export function linli(name: string, args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [LINLI, name, ...args],
      { env: { ...process.env, VITEST: '' } },
      (error, stdout, stderr) =>
        error ? reject(new Error(`linli ${name} ended with ${error.code}: ${stderr}`)) : resolve(stdout),
    )
  })
}
