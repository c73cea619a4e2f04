import { VCC_V } from '../../boards/board.ts'
import { digitalLevel } from '../../boards/input-pin.ts'
import { channelsOf, type InputModuleConfig } from './config.ts'
import { ModbusSlave, type SlaveDeps } from './slave.ts'

/** Inputs on a line, for contacts to ground: pulled up inside, and on while pulled low. */
export class InputModule extends ModbusSlave {
  readonly #high: boolean[]

  constructor(deps: SlaveDeps, config: InputModuleConfig) {
    const channels = channelsOf(config)
    const high = new Array<boolean>(channels).fill(true)
    super(deps, config, () => ({
      blocks: [{ table: 'discrete', address: 0, count: channels, read: () => high.map((level) => (level ? 0 : 1)) }],
    }))
    this.#high = high
  }

  /** The circuit outside puts a voltage on a terminal, 0 to 5 V. */
  drive(channel: number, volts: number): void {
    this.#high[channel] = digitalLevel(this.#high[channel] ?? true, Math.min(volts, VCC_V))
  }
}
