import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, expect, it } from 'vitest'

/**
 * Tests that need something npm cannot install. Where it is missing they are skipped, and the run says so at its end;
 * in CI they fail, because a skipped test proves nothing. This is the only way to skip a test here.
 */

declare module 'vitest' {
  interface TaskMeta {
    /** Why a suite is skipped and how to enable it; printed by summary-reporter.ts. */
    needs?: string
  }
}

type Suite = (name: string, body: () => void) => void

/** Debian keeps daemons where a plain user's PATH does not look. */
const ALSO_IN = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/** The full path of a program, or undefined when it is not installed. */
export function programPath(program: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...ALSO_IN]
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, program))
    .find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * `describe`, for suites that need a program of Debian:
 * `needs('mosquitto', 'mosquitto')('the bridge of mosquitto', () => { … })`.
 */
export function needs(program: string, aptPackage: string): Suite {
  return needsThat(programPath(program) !== undefined, program, `apt-get install ${aptPackage}`)
}

/**
 * `describe`, for suites that need something else of the machine.
 * @param what e.g. `root`
 * @param how how to enable them, e.g. `run as root`
 */
export function needsThat(met: boolean, what: string, how: string): Suite {
  if (met) return (name, body) => describe(name, body)
  if (process.env.CI) {
    return (name) =>
      describe(name, () => it(`has what it needs: ${what}`, () => expect.fail(`${what} is missing in CI: ${how}`)))
  }
  return (name, body) => describe.skip(name, { meta: { needs: `needs ${what}; to enable: ${how}` } }, body)
}
