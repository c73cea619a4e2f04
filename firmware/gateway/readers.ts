import type { CredentialsUpdate } from '../../hub/contract/credentials.ts'
import { checkUpdate } from '../../hub/contract/credentials.ts'
import type { TimeQuality } from '../../hub/contract/event.ts'
import type { Address } from '../../hub/contract/topic.ts'
import type { CredentialDesk, Presented } from '../credentials/desk.ts'
import type { AccessGateDriver } from '../drivers/access-gate/access.ts'
import { H10301, H10302, H10304, H10306, readCard } from '../drivers/access-gate/card-format.ts'
import type { Driver, Outcome } from '../drivers/driver.ts'
import type { Moment } from '../moment.ts'
import type { BytePortFactory } from '../ports/byte-port.ts'
import type { Logger } from '../ports/logger.ts'
import { nodeAes } from '../protocols/osdp/aes.ts'
import { createOsdpBus, type OsdpBus, type ReaderCommand } from '../protocols/osdp/bus.ts'
import type { LedColor } from '../protocols/osdp/commands.ts'
import type { CardRead } from '../protocols/osdp/replies.ts'
import type { SessionEvent } from '../protocols/osdp/session-state.ts'
import type { ReaderBusConfig, ReaderConfig } from './access-config.ts'
import type { Admission, Shown } from './admission.ts'
import { createKeypad, type Keypad } from './keypad.ts'

/** Card readers: what is held before them becomes a decision of the credentials' desk, and the decision goes to the gate. */

export interface ReadersDeps {
  openPort: BytePortFactory
  random: () => number
  randomBytes: (count: number) => Uint8Array
  log: Logger
  gates: ReadonlyMap<string, AccessGateDriver>
  desk: CredentialDesk
  admission: Pick<Admission, 'admit'>
  timeQuality: () => TimeQuality
}

export interface Readers {
  start(): void
  close(): Promise<void>
}

const BAUD = 38_400
const CARD_FORMATS = [H10301, H10306, H10304, H10302]

export function createReaders(
  deps: ReadersDeps,
  configs: ReadonlyArray<ReaderBusConfig & { keys: ReadonlyMap<string, Uint8Array> }>,
): Readers {
  const buses = configs.map((config) => createLine(deps, config))
  return {
    start() {
      for (const bus of buses) bus.start()
    },
    async close() {
      await Promise.all(buses.map((bus) => bus.close()))
    },
  }
}

function createLine(deps: ReadersDeps, config: ReaderBusConfig & { keys: ReadonlyMap<string, Uint8Array> }): OsdpBus {
  const { openPort, random, randomBytes, log } = deps
  const baud = config.baud ?? BAUD
  const heads = new Map<number, Head>()
  const bus = createOsdpBus(
    {
      port: openPort({ path: config.port, baud }),
      aes: nodeAes,
      random,
      randomBytes,
      log,
      onEvent: (address, event, at) => heads.get(address)?.onEvent(event, at),
    },
    {
      baud,
      readers: config.readers.map(({ id, address }) => {
        const key = config.keys.get(id)
        return { address, security: key ? { mode: 'secure', key } : { mode: 'plain' } }
      }),
    },
  )
  for (const reader of config.readers) {
    const gate = deps.gates.get(reader.gate)
    const show = (command: ReaderCommand) => void bus.send(reader.address, command, FEEDBACK_MS)
    if (gate) heads.set(reader.address, new Head(deps, reader, gate, show))
  }
  return bus
}

/** Feedback that comes later than this confuses more than it tells. */
const FEEDBACK_MS = 1_000

/** One reader at one side of one gate. */
class Head {
  readonly #deps: ReadersDeps
  readonly #config: ReaderConfig
  readonly #gate: AccessGateDriver
  readonly #show: (command: ReaderCommand) => void
  readonly #keypad: Keypad

  constructor(deps: ReadersDeps, config: ReaderConfig, gate: AccessGateDriver, show: (command: ReaderCommand) => void) {
    this.#deps = deps
    this.#config = config
    this.#gate = gate
    this.#show = show
    this.#keypad = createKeypad()
  }

  onEvent(event: SessionEvent, at: Moment): void {
    const part = `reader-${this.#config.id}`
    if (event.type === 'card') this.#onCard(event.card, at)
    else if (event.type === 'keypad') this.#onKeys(event.keys, at)
    else if (event.type === 'online') this.#gate.tamper(part, undefined, at)
    else if (event.type === 'offline') this.#onOffline(part, event.reason, at)
    else if (event.type === 'tamper') this.#gate.tamper(part, event.kind, at)
    else if (event.type === 'local-status') this.#gate.tamper(`${part}-case`, event.tampered ? 'opened' : undefined, at)
  }

  /** A reader that says nothing may have been torn off the wall; one that restarts is back at once. */
  #onOffline(part: string, reason: string, at: Moment): void {
    this.#deps.log.warn({ reader: this.#config.id, reason }, 'reader offline')
    if (reason !== 'restarted') this.#gate.tamper(part, `reader-${reason}`, at)
  }

  #onCard(card: CardRead, at: Moment): void {
    const { direction } = this.#config
    const reading = readCard(CARD_FORMATS, card)
    if (!reading.ok) {
      this.#deps.log.warn({ reader: this.#config.id, code: reading.error.code }, reading.error.message)
      this.#gate.access({ granted: false, direction, by: 'card', reason: 'unreadable' }, at)
      this.#feedback('denied')
    } else if (this.#gate.mode() === 'card-and-pin') this.#keypad.expectPin(reading.value.reference, at)
    else this.#decide(this.#deps.desk.card(reading.value.reference, undefined, this.#presence(at)), at)
  }

  #onKeys(keys: string, at: Moment): void {
    const entry = this.#keypad.keys(keys, at)
    if (entry) this.#decide(this.#deps.desk.card(entry.reference, entry.pin, this.#presence(at)), at)
  }

  #decide(presented: Presented, at: Moment): void {
    this.#deps.admission.admit(this.#gate, presented, at, (shown) => this.#feedback(shown))
  }

  #presence(at: Moment) {
    const { gate, direction } = this.#config
    return { gate, direction, mode: this.#gate.mode(), at, timeQuality: this.#deps.timeQuality() }
  }

  /** Green and one long tone, or red and three short ones: not told by colour alone. Amber blinks while the disk works. */
  #feedback(shown: Shown): void {
    this.#show({ type: 'led', leds: [{ reader: 0, led: 0, temporary: LIGHTS[shown] }] })
    const tone = TONES[shown]
    if (tone) this.#show({ type: 'buzzer', reader: 0, tone: 'default', ...tone })
  }
}

const light = (colour: LedColor, off_100ms: number, timer_100ms: number) => ({
  on_100ms: 1,
  off_100ms,
  onColor: colour,
  offColor: 'off' as const,
  timer_100ms,
})
const LIGHTS = { granted: light('green', 0, 15), denied: light('red', 1, 15), waiting: light('amber', 1, 50) }
const TONES: Partial<Record<Shown, { on_100ms: number; off_100ms: number; count: number }>> = {
  granted: { on_100ms: 4, off_100ms: 0, count: 1 },
  denied: { on_100ms: 1, off_100ms: 1, count: 3 },
}

/** The gateway as the target of commands: the hub sends it credentials. */
export function createCredentialIntake(deps: {
  address: Address
  desk: CredentialDesk
  onChanged: () => void
}): Driver {
  const apply = async (update: CredentialsUpdate): Promise<Outcome> => {
    const applied = await deps.desk.apply(update)
    deps.onChanged()
    if (applied.status === 'refused') return { status: 'refused', code: applied.code, message: applied.message }
    return { status: 'succeeded', data: { status: applied.status } }
  }
  return {
    address: deps.address,
    // The gateway describes itself elsewhere.
    meta: { class: 'gateway', model: '', driver: { name: '', version: '' }, place: {}, capabilities: [] },
    start: () => undefined,
    execute(command, answer) {
      const update = checkUpdate(command.args)
      if (update.ok) void apply(update.value).then(answer)
      else answer({ status: 'refused', code: update.error.code, message: update.error.message })
    },
    close: () => undefined,
  }
}
