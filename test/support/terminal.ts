import { spawn } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, vi } from 'vitest'
import { createPtyEndpoint } from '../../hardware-sim/serial/pty.ts'

/** `linli …` on a pseudo-terminal, with somebody at the keyboard. */

const LINLI = fileURLToPath(new URL('../../hub/cli/linli.js', import.meta.url))
/** Colours and cursor movements of readline. */
const CONTROL = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[A-Za-z]`, 'g')

export interface Terminal {
  /** All that was shown, without cursor movements. */
  text(): string
  type(text: string): void
  /** Waits until something is shown after what was waited for before. */
  shows(what: RegExp, timeout_ms?: number): Promise<void>
  kill(): void
  exited: Promise<number | null>
}

/** @param path of a link that the terminal has while it is open */
export function openTerminal(path: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Terminal {
  const line = createPtyEndpoint(path, 38_400)
  line.plug()
  let shown = ''
  let looked = 0
  line.receive((bytes) => {
    shown += Buffer.from(bytes).toString('utf8').replace(CONTROL, '').replaceAll('\r', '')
  })
  const tty = openSync(path, constants.O_RDWR | constants.O_NOCTTY)
  const child = spawn(process.execPath, [LINLI, ...args], {
    stdio: [tty, tty, tty],
    env: { ...process.env, VITEST: '', TERM: 'xterm', ...env },
  })
  closeSync(tty)
  const exited = new Promise<number | null>((resolve) =>
    child.once('exit', (code) => {
      // What was written last may still be on its way.
      setImmediate(() => {
        line.unplug()
        resolve(code)
      })
    }),
  )
  return {
    text: () => shown,
    type: (text) => void line.write(Buffer.from(text)),
    async shows(what, timeout_ms = 60_000) {
      await vi.waitFor(() => expect(shown.slice(looked)).toMatch(what), { timeout: timeout_ms, interval: 20 })
      const found = what.exec(shown.slice(looked))
      looked += (found?.index ?? 0) + (found?.[0].length ?? 0)
    },
    kill: () => void child.kill('SIGKILL'),
    exited,
  }
}
