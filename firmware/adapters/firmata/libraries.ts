import type { Firmata } from 'firmata-io'
import type { Board, Pin, Sensor } from 'johnny-five'

export interface Libraries {
  Firmata: typeof Firmata
  Board: Board.Class
  Pin: Pin.Class
  Sensor: Sensor.Class
}

/**
 * Imported at first use, and of johnny-five only the parts that we use: its index loads every component it has (5 MB).
 */
export async function loadLibraries(): Promise<Libraries> {
  const [firmata, board, pin, sensor] = await Promise.all([
    import('firmata-io'),
    import('johnny-five/lib/board.js'),
    import('johnny-five/lib/pin.js'),
    import('johnny-five/lib/sensor.js'),
  ])
  return { Firmata: firmata.default.Firmata, Board: board.default, Pin: pin.default, Sensor: sensor.default }
}
