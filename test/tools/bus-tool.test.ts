import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Program, startProgram } from '../support/program.ts'

/** `linli bus` on a real serial line: an installer finds units, and gives one another address. */

const LINLI = fileURLToPath(new URL('../../hub/cli/linli.js', import.meta.url))
const dir = mkdtempSync(join(tmpdir(), 'linli-bus-'))
const port = join(dir, 'tty-bus')

/** As the register map of the XY-MD02 has it; each knows only some functions. */
const thermometer = (id: string, unit: number) => ({
  kind: 'modbus-slave',
  id,
  unit,
  functions: [3, 4, 6, 16],
  input: [{ address: 1, values: [215, 480] }],
  holding: [{ address: 259, values: [0, 0] }],
  unit_register: 257,
})

function bus(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [LINLI, 'bus', ...args, '--port', port], {
      env: { ...process.env, VITEST: '', LANG: 'C.UTF-8' },
    })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString('utf8')
    })
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString('utf8')
    })
    child.once('exit', (code) => resolve({ code, stdout, stderr }))
  })
}

describe('linli bus', () => {
  let sim: Program
  beforeAll(async () => {
    const devices = [
      thermometer('t1', 3),
      { kind: 'modbus-slave', id: 'other', unit: 4, input: [{ address: 0, values: [1] }], functions: [4] },
      thermometer('t2', 6),
    ]
    const config = join(dir, 'sim.json')
    writeFileSync(config, JSON.stringify({ boards: [], buses: [{ id: 'bus-1', baud: 19_200, port, devices }] }))
    sim = await startProgram('hardware-sim/main.ts', ['--config', config])
  })
  afterAll(async () => {
    await sim.kill()
    rmSync(dir, { recursive: true, force: true })
  })

  it('finds units by address and speed, and says what each probably is', async () => {
    const { code, stdout, stderr } = await bus('scan', '--units', '2-6', '--bauds', '9600,19200', '--json')
    expect(code).toBe(0)
    expect(stderr).toBe('9600 none …\n19200 none …\n')
    const at = { baud: 19_200, parity: 'none' }
    expect(JSON.parse(stdout)).toEqual({
      echo: false,
      units: [
        { unit: 3, ...at, answer: 'exception', profiles: ['xy-md02'] },
        { unit: 4, ...at, answer: 'exception', profiles: [] },
        { unit: 6, ...at, answer: 'exception', profiles: ['xy-md02'] },
      ],
    })
  })

  it('finds nobody, and says what to look at', async () => {
    const { code, stderr } = await bus('scan', '--units', '9', '--bauds', '19200')
    expect(code).toBe(1)
    expect(stderr).toContain('nobody answers: check the wires')
  })

  it('gives a unit another address and proves it, but no address that is taken', async () => {
    const taken = await bus('set-address', '--baud', '19200', '--from', '3', '--to', '6')
    expect(taken).toMatchObject({ code: 1, stderr: 'linli bus: somebody answers at the new address already\n' })
    const unknown = await bus('set-address', '--baud', '19200', '--from', '4', '--to', '9')
    expect(unknown.stderr).toContain('give --profile or --register')
    const done = await bus('set-address', '--baud', '19200', '--from', '3', '--to', '5', '--json')
    expect(done.code).toBe(0)
    expect(JSON.parse(done.stdout)).toEqual({ ok: true, from: 3, to: 5, register: 257 })
    const { stdout } = await bus('scan', '--units', '3-6', '--bauds', '19200')
    expect(stdout).toContain('5   19200  none  probably XY XY-MD02 (xy-md02)')
    expect(stdout).not.toMatch(/^ *3 /m)
  })

  it('refuses what it is told wrongly', async () => {
    expect((await bus('scan', '--units', '0-3')).code).toBe(2)
    expect((await bus('set-address', '--from', '1', '--to', '300')).code).toBe(2)
    expect((await bus('set-address', '--from', '5', '--to', '9', '--baud', '19200', '--profile', 'toaster')).code).toBe(
      2,
    )
  })
})
