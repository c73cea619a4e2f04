import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EAGAIN, type GpioKernel, openGpioKernel } from './kernel.ts'
import { GPIO_GET_CHIPINFO } from './uapi.ts'

// A pipe with a name stands for the lines: the calls are the same, only the ioctls are not.

const ENOENT = 2
const EBADF = 9
const ENOTTY = 25

let folder: string
let kernel: GpioKernel
let fd: number

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'linli-gpio-'))
  execFileSync('mkfifo', [join(folder, 'lines')])
  kernel = await openGpioKernel()
  fd = kernel.open(join(folder, 'lines'))
})

afterEach(() => {
  kernel.close(fd)
  rmSync(folder, { recursive: true })
})

describe('the kernel’s calls', () => {
  it('return what failed as a negative errno', () => {
    expect(fd).toBeGreaterThan(0)
    expect(kernel.open(join(folder, 'none'))).toBe(-ENOENT)
    expect(kernel.ioctl(fd, GPIO_GET_CHIPINFO, Buffer.alloc(68))).toBe(-ENOTTY)
    expect(kernel.read(fd, Buffer.alloc(48))).toBe(-EAGAIN)
    expect(kernel.read(987_654, Buffer.alloc(48))).toBe(-EBADF)
    expect(kernel.parameter('no_such_module', 'none')).toBeUndefined()
  })

  it('say when there is something to read, until told to stop', async () => {
    const bytes = Buffer.alloc(96)
    let calls = 0
    const turns: Array<() => void> = []
    const end = kernel.watch(fd, () => {
      calls++
      turns.shift()?.()
    })
    for (let round = 1; round <= 3; round++) {
      const turn = new Promise<void>((resolve) => turns.push(resolve))
      writeSync(fd, Buffer.alloc(48, round))
      await turn
      expect([kernel.read(fd, bytes), bytes[0], kernel.read(fd, bytes)]).toEqual([48, round, -EAGAIN])
    }
    end()
    const callsBefore = calls
    writeSync(fd, Buffer.alloc(48))
    for (let hop = 0; hop < 10; hop++) await new Promise((resolve) => setImmediate(resolve))
    expect(calls).toBe(callsBefore)
  })

  it('dates on the clock that the edges are dated on', () => {
    const [before, now, after] = [process.hrtime.bigint(), kernel.now_ns(), process.hrtime.bigint()]
    expect(now >= before && now <= after).toBe(true)
  })
})
