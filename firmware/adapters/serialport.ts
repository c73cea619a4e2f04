import type { EventEmitter } from 'node:events'
import type { SerialPort as SerialPortClass } from 'serialport'
import { LinliError, reasonOf } from '../../hub/contract/errors.ts'
import type { ByteConnection, BytePort, BytePortSettings } from '../ports/byte-port.ts'

/**
 * Serial lines by the `serialport` package. Its traps, all of them guarded here: a write to a closed port is sent after
 * the next opening; `drain` hangs when the peer stops reading (so it is never used); a lost device shows as `close`, but
 * when a read was under way at that moment only at the next write (a board's watchdog writes every two seconds); from
 * Node 26.4 on what was received waits until something else wakes the event loop.
 */

/** Bytes that may wait in the library before a line counts as not taking any more (a second at 57600 baud). */
const BACKLOG_BYTES_MAX = 8192
/** Read buffer: Firmata sends at most a few hundred bytes at once. The library's default of 64 KiB is per opening. */
const READ_BYTES = 4096
/** A driver that does not give the line back must not hold up the next opening. */
const CLOSE_TIMEOUT_MS = 2000
/** Without a poller to listen to, the event loop is woken this often while a line is open. */
const WAKE_MS = 5

export function createSerialBytePort(settings: BytePortSettings): BytePort {
  return {
    path: settings.path,
    async open() {
      // Imported at first use: the native binding is loaded only where a line is really opened.
      const { SerialPort } = await import('serialport')
      const port = new SerialPort({
        path: settings.path,
        baudRate: settings.baud,
        parity: settings.parity ?? 'none',
        stopBits: settings.stopBits ?? 1,
        autoOpen: false,
        lock: true,
        highWaterMark: READ_BYTES,
      })
      await new Promise<void>((resolve, reject) => {
        port.open((error) => (error ? reject(serialError(settings.path, error)) : resolve()))
      })
      return createConnection(port)
    },
  }
}

function createConnection(port: SerialPortClass): ByteConnection {
  let ended: string | undefined
  const closeListeners: Array<(reason: string) => void> = []
  const letSleep = keepAwake(port)
  const end = (reason: string) => {
    if (ended !== undefined) return
    ended = reason
    letSleep()
    for (const listener of closeListeners.splice(0)) listener(reason)
  }
  port.on('close', (error?: Error | null) => end(error ? `the device went away: ${error.message}` : 'closed'))
  port.on('error', (error) => {
    end(`the device went away: ${error.message}`)
    if (port.isOpen) port.close(() => {})
  })
  return {
    get isOpen() {
      return ended === undefined && port.isOpen
    },
    write(bytes) {
      if (ended !== undefined || !port.isOpen || port.writableLength > BACKLOG_BYTES_MAX) return false
      port.write(bytes)
      return true
    },
    async close() {
      end('closed')
      if (!port.isOpen) return
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS)
        port.close(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    },
    onData(listener) {
      port.on('data', (bytes: Uint8Array) => {
        if (ended === undefined) listener(bytes)
      })
    },
    onClose(listener) {
      if (ended === undefined) closeListeners.push(listener)
      else listener(ended)
    },
  }
}

/**
 * The native poller calls JavaScript without Node's callback scope, so that from Node 26.4 on the promise it resolves
 * stays unheard until the next timer or socket (serialport/node-serialport#3148, bindings-cpp#239, both open): a press
 * waited for as long as the process was idle. An immediate after each of its calls lets the promise run at once.
 * @returns how to stop
 */
function keepAwake(port: SerialPortClass): () => void {
  const { poller } = (port.port ?? {}) as { poller?: EventEmitter }
  if (typeof poller?.on !== 'function') {
    const timer = setInterval(() => {}, WAKE_MS)
    return () => clearInterval(timer)
  }
  const wake = () => {
    setImmediate(() => {})
  }
  for (const event of ['readable', 'writable', 'disconnect']) poller.on(event, wake)
  return () => {}
}

/** What went wrong at opening, with what to do about it. */
export function serialError(path: string, error: unknown): LinliError {
  const message = reasonOf(error)
  const fault = (code: string, text: string) => new LinliError(code, text, { kind: 'fault', cause: error })
  if (/no such file|ENOENT|no such device|ENODEV|ENXIO/i.test(message))
    return fault('SERIAL_NOT_FOUND', `no serial device at ${path}; is the board plugged in?`)
  if (/permission denied|EACCES|operation not permitted|EPERM/i.test(message))
    return fault('SERIAL_PERMISSION', `no permission to open ${path}; add the user to group dialout and log in again`)
  if (/lock|busy|EBUSY|resource temporarily unavailable|EAGAIN/i.test(message))
    return fault('SERIAL_BUSY', `${path} is in use by another program`)
  return fault('SERIAL_FAILED', `cannot open ${path}: ${message}`)
}
