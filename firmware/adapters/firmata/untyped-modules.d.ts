/** The part of firmata-io and johnny-five that we use; neither ships types that fit. */

declare module 'firmata-io' {
  import type { EventEmitter } from 'node:events'

  export interface FirmataPin {
    supportedModes: number[]
    mode: number | undefined
    value: number
    report: number
    analogChannel?: number
  }
  export interface FirmataTransport extends EventEmitter {
    write(bytes: Uint8Array, done?: () => void): void
  }
  export interface FirmataOptions {
    /** The handshake is ours: no capability query by the constructor. */
    skipCapabilities?: boolean
    reportVersionTimeout?: number
  }
  export class Firmata extends EventEmitter {
    constructor(transport: FirmataTransport, options?: FirmataOptions)
    readonly MODES: { INPUT: number; OUTPUT: number; ANALOG: number; PULLUP: number }
    isReady: boolean
    versionReceived: boolean
    version: { major?: number; minor?: number }
    firmware: { name?: string; version?: { major: number; minor: number } }
    /** Bytes of the message that is being received. */
    buffer: number[]
    pins: FirmataPin[]
    analogPins: number[]
    /** What a write of each port of eight pins would send. */
    ports: number[]
    RESOLUTION: { ADC: number | null; PWM: number | null; DAC: number | null }
    reportVersionTimeoutId: ReturnType<typeof setTimeout>
    reportVersion(done: () => void): void
    queryFirmware(done: () => void): void
    queryCapabilities(done: () => void): void
    queryAnalogMapping(done: () => void): void
    queryPinState(pin: number, done: () => void): void
    pinMode(pin: number, mode: number): void
    reportDigitalPin(pin: number, value: 0 | 1): void
    reportAnalogPin(channel: number, value: 0 | 1): void
    setSamplingInterval(interval_ms: number): void
    reset(): void
  }
  const bindTransport: { Firmata: typeof Firmata }
  export default bindTransport
}

declare module 'johnny-five' {
  import type { EventEmitter } from 'node:events'
  import type { Firmata } from 'firmata-io'

  export interface Board extends EventEmitter {
    isReady: boolean
    pins: unknown
  }
  export namespace Board {
    interface Class {
      new (options: { io: Firmata; id: string; repl: false; debug: false; sigint: false }): Board
      /** What johnny-five believes of the pins, from what the board said last. */
      Pins(board: Board): unknown
    }
  }
  export interface Pin extends EventEmitter {
    high(): Pin
    low(): Pin
  }
  export namespace Pin {
    type Class = new (options: { pin: number; board: Board; type: 'digital'; mode: number }) => Pin
  }
  export interface Sensor extends EventEmitter {
    /** ms between two `data` events; null stops them. */
    freq: number | null
    /** Value at full supply, e.g. 1023. */
    readonly resolution: number
  }
  export namespace Sensor {
    type Class = new (options: { pin: string; board: Board; freq: number }) => Sensor
  }
}

declare module 'johnny-five/lib/board.js' {
  import type { Board } from 'johnny-five'

  const BoardClass: Board.Class
  export default BoardClass
}

declare module 'johnny-five/lib/pin.js' {
  import type { Pin } from 'johnny-five'

  const PinClass: Pin.Class
  export default PinClass
}

declare module 'johnny-five/lib/sensor.js' {
  import type { Sensor } from 'johnny-five'

  const SensorClass: Sensor.Class
  export default SensorClass
}
