import { spawn } from 'node:child_process'
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import koffi from 'koffi'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createSerialBytePort, serialError } from './serialport.ts'

/** A pseudo terminal: the test holds the master, the adapter opens the slave as its serial line. */
class Pty {
  readonly path: string
  #master: number | undefined
  /** Without it the master fails while nobody has the slave open. */
  #slave: number | undefined

  constructor() {
    const libc = koffi.load('libc.so.6')
    const master = openSync('/dev/ptmx', constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK)
    const name = Buffer.alloc(64)
    if (libc.func('int grantpt(int)')(master) !== 0 || libc.func('int unlockpt(int)')(master) !== 0)
      throw new Error('no pseudo terminals here')
    libc.func('int ptsname_r(int, void *, size_t)')(master, name, name.length)
    this.path = name.toString('utf8', 0, name.indexOf(0))
    this.#master = master
    this.#slave = openSync(this.path, constants.O_RDWR | constants.O_NOCTTY)
  }

  send(text: string): void {
    if (this.#master !== undefined) writeSync(this.#master, text)
  }

  /** What came since the last time. */
  received(): string {
    const buffer = Buffer.alloc(65_536)
    try {
      return buffer.toString('latin1', 0, this.#master === undefined ? 0 : readSync(this.#master, buffer))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return ''
      throw error
    }
  }

  unplug(): void {
    if (this.#slave !== undefined) closeSync(this.#slave)
    if (this.#master !== undefined) closeSync(this.#master)
    this.#slave = undefined
    this.#master = undefined
  }
}

describe('a serial line', () => {
  let pty: Pty
  beforeEach(() => {
    pty = new Pty()
  })
  afterEach(() => pty.unplug())
  const port = () => createSerialBytePort({ path: pty.path, baud: 57_600 })

  it('carries bytes both ways', async () => {
    const connection = await port().open()
    let heard = ''
    connection.onData((bytes) => {
      heard += Buffer.from(bytes).toString('latin1')
    })
    expect(connection.write(Buffer.from('ping'))).toBe(true)
    pty.send('pong\xff')
    await vi.waitFor(() => expect(heard).toBe(Buffer.from('pong\xff').toString('latin1')))
    let sent = ''
    await vi.waitFor(() => {
      sent += pty.received()
      expect(sent).toBe('ping')
    })
    await connection.close()
    await connection.close()
  })

  it('drops what is written after it was closed: nothing of it comes out of the next opening', async () => {
    const first = await port().open()
    const ended = vi.fn()
    first.onClose(ended)
    await first.close()
    expect(ended).toHaveBeenCalledExactlyOnceWith('closed')
    expect(first.write(Buffer.from('open the gate'))).toBe(false)
    const second = await port().open()
    second.write(Buffer.from('hello'))
    let sent = ''
    await vi.waitFor(() => {
      sent += pty.received()
      expect(sent.length).toBeGreaterThanOrEqual(5)
    })
    expect(sent).toBe('hello')
    await second.close()
  })

  it('tells that the device went away, also to who asks later', async () => {
    const connection = await port().open()
    const reasons: string[] = []
    connection.onData(() => {})
    connection.onClose((reason) => reasons.push(reason))
    pty.unplug()
    await vi.waitFor(() => {
      // A read that was under way at that moment sees nothing wrong; the next write does.
      connection.write(Uint8Array.of(0))
      expect(reasons).toEqual([expect.stringContaining('went away')])
    })
    expect(connection.isOpen).toBe(false)
    connection.onClose((reason) => reasons.push(reason))
    expect(reasons).toHaveLength(2)
  })

  it('takes no more than a second of bytes that nobody reads', async () => {
    const connection = await port().open()
    const chunk = Buffer.alloc(1024, 0x55)
    let taken = 0
    while (connection.write(chunk) && taken < 100) taken++
    expect(taken).toBeLessThan(10)
    await connection.close()
  })

  it('is one owner’s: a second opening is told so', async () => {
    const connection = await port().open()
    await expect(port().open()).rejects.toMatchObject({ code: 'SERIAL_BUSY', kind: 'fault' })
    await connection.close()
  })

  it('that is not there is told by its path', async () => {
    const missing = createSerialBytePort({ path: '/dev/serial/by-id/nothing', baud: 57_600 })
    await expect(missing.open()).rejects.toMatchObject({
      code: 'SERIAL_NOT_FOUND',
      message: expect.stringContaining('/dev/serial/by-id/nothing'),
    })
  })

  it('is heard by a process that waits for a distant timer and does nothing else', async () => {
    // From Node 26.4 on the native poller alone does not wake the promise that waits for it before that timer.
    const script = `
      setTimeout(() => {}, 3_600_000)
      import { createSerialBytePort } from ${JSON.stringify(new URL('./serialport.ts', import.meta.url).href)}
      const connection = await createSerialBytePort({ path: process.argv[1], baud: 57600 }).open()
      connection.onData((bytes) => process.stdout.write('heard ' + bytes + '\\n'))
      process.stdout.write('open\\n')`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, pty.path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      const lines: string[] = []
      createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
      const expected = ['open']
      for (const letter of 'abcde') {
        await vi.waitFor(() => expect(lines).toEqual(expected), { timeout: 4000 })
        pty.send(letter)
        expected.push(`heard ${letter}`)
      }
      await vi.waitFor(() => expect(lines).toEqual(expected), { timeout: 4000 })
    } finally {
      child.kill('SIGKILL')
    }
  }, 20_000)
})

describe('an error at opening', () => {
  it.each([
    ['Error: No such file or directory, cannot open /dev/x', 'SERIAL_NOT_FOUND', /plugged in/],
    ['Error: Permission denied, cannot open /dev/x', 'SERIAL_PERMISSION', /add the user to group dialout/],
    ['Error Resource temporarily unavailable Cannot lock port', 'SERIAL_BUSY', /another program/],
    ['Error: Device or resource busy, cannot open /dev/x', 'SERIAL_BUSY', /another program/],
    ['Inappropriate ioctl for device', 'SERIAL_FAILED', /Inappropriate ioctl/],
  ])('%s is %s', (text, code, message) => {
    const error = serialError('/dev/x', new Error(text))
    expect(error).toMatchObject({ code, kind: 'fault' })
    expect(error.message).toMatch(message)
  })
})
