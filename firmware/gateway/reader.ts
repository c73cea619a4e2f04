import type { TimeQuality } from '../../hub/contract/event.ts'
import type { ReaderState, ReaderStatus } from '../../hub/contract/gateway.ts'
import type { CredentialDesk, Presented } from '../credentials/desk.ts'
import type { AccessGateDriver } from '../drivers/access-gate/access.ts'
import { type CardFormat, readCard } from '../drivers/access-gate/card-format.ts'
import type { Outcome } from '../drivers/driver.ts'
import { type Moment, momentNow } from '../moment.ts'
import type { Logger } from '../ports/logger.ts'
import type { ReaderCommand } from '../protocols/osdp/bus.ts'
import type { LedColor } from '../protocols/osdp/commands.ts'
import type { CardRead, Identity } from '../protocols/osdp/replies.ts'
import type { OfflineReason, SessionEvent, TamperKind } from '../protocols/osdp/session-state.ts'
import type { ReaderConfig } from './access-config.ts'
import type { Admission, Shown } from './admission.ts'
import { createKeypad, type Keypad } from './keypad.ts'
import type { ReaderInstall } from './reader-install.ts'

/** One card reader at one side of one gate: what is held before it or typed becomes a decision, and how it is itself is told. */

export interface ReaderDeps {
  gate: AccessGateDriver
  desk: Pick<CredentialDesk, 'card' | 'pin'>
  admission: Pick<Admission, 'admit'>
  cardFormats: readonly CardFormat[]
  install: ReaderInstall
  timeQuality: () => TimeQuality
  log: Logger
  /** Lamp and buzzer. */
  show(command: ReaderCommand): void
  /** `state()` is another than before. */
  onState(): void
}

/** How the reader answers, whatever is being done with it. */
interface Line {
  status: ReaderStatus
  reason: string | undefined
  identity: Identity | undefined
}

export class Reader {
  readonly #deps: ReaderDeps
  readonly #config: ReaderConfig
  readonly #keypad: Keypad
  readonly #part: string
  #line: Line = { status: 'offline', reason: 'starting', identity: undefined }
  #shown: ReaderState

  constructor(deps: ReaderDeps, config: ReaderConfig) {
    this.#deps = deps
    this.#config = config
    this.#keypad = createKeypad()
    this.#part = `reader-${config.id}`.slice(0, PART_CHARS_MAX)
    this.#shown = this.#stateNow(momentNow())
  }

  state(): ReaderState {
    return this.#shown
  }

  /** Never rejects. */
  install(): Promise<Outcome> {
    const outcome = this.#deps.install.begin()
    this.#tellState(momentNow())
    return outcome
  }

  /** An installation ended. */
  installEnded(): void {
    this.#tellState(momentNow())
  }

  onEvent(event: SessionEvent, at: Moment): void {
    const { gate, install } = this.#deps
    if (event.type === 'card') this.#onCard(event.card, at)
    else if (event.type === 'keypad') this.#onKeys(event.keys, at)
    else if (event.type === 'online') this.#onOnline(event, at)
    else if (event.type === 'offline') this.#onOffline(event.reason, at)
    else if (event.type === 'tamper') this.#onTamper(event.kind, at)
    else if (event.type === 'local-status') gate.tamper(`${this.#part}-case`, event.tampered ? 'opened' : undefined, at)
    void install.onEvent(event).then(() => this.#tellState(momentNow()))
  }

  #onOnline({ identity, key }: Extract<SessionEvent, { type: 'online' }>, at: Moment): void {
    this.#line = { status: key ? 'secure' : 'plain', reason: undefined, identity }
    this.#deps.gate.tamper(this.#part, undefined, at)
  }

  /** A reader that says nothing may have been torn off the wall; one that begins anew is back at once. */
  #onOffline(reason: OfflineReason, at: Moment): void {
    this.#deps.log.warn({ reader: this.#config.id, reason }, 'reader offline')
    const isUnknown = reason === 'not-installed' || (reason === 'key-refused' && !this.#deps.install.isInstalled())
    this.#line = { status: isUnknown ? 'not-installed' : 'offline', reason, identity: undefined }
    if (reason === 'restarted' || reason === 'installing') return
    // What it was before it was found (it did not answer, or it was another unit) is over.
    if (isUnknown) this.#deps.gate.tamper(this.#part, undefined, at)
    this.#deps.gate.tamper(this.#part, `reader-${isUnknown ? 'not-installed' : reason}`, at)
  }

  #onTamper(kind: TamperKind, at: Moment): void {
    // Nobody can have our key who was never given it.
    if ((kind === 'wrong-key' || kind === 'default-key') && !this.#deps.install.isInstalled()) return
    this.#line = { ...this.#line, reason: kind }
    this.#deps.gate.tamper(this.#part, kind, at)
  }

  #onCard(card: CardRead, at: Moment): void {
    const { cardFormats, desk, gate, log } = this.#deps
    const { direction, id } = this.#config
    const reading = readCard(cardFormats, card)
    if (!reading.ok) {
      log.warn({ reader: id, code: reading.error.code }, reading.error.message)
      gate.access({ granted: false, direction, by: 'card', reason: 'unreadable' }, at)
      this.#feedback('denied')
    } else if (gate.mode() === 'card-and-pin') this.#keypad.expectPin(reading.value.reference, at)
    else this.#decide(desk.card(reading.value.reference, undefined, this.#presence(at)), at)
  }

  #onKeys(keys: string, at: Moment): void {
    const { desk } = this.#deps
    for (const { reference, pin } of this.#keypad.keys(keys, at)) {
      const presence = this.#presence(at)
      this.#decide(reference === undefined ? desk.pin(pin, presence) : desk.card(reference, pin, presence), at)
    }
  }

  #decide(presented: Presented, at: Moment): void {
    this.#deps.admission.admit(this.#deps.gate, presented, at, (shown) => this.#feedback(shown))
  }

  #presence(at: Moment) {
    const { gate, direction } = this.#config
    return { gate, direction, mode: this.#deps.gate.mode(), at, timeQuality: this.#deps.timeQuality() }
  }

  /** Green and one long tone, or red and three short ones: not told by colour alone. Amber blinks while the disk works. */
  #feedback(shown: Shown): void {
    this.#deps.show({ type: 'led', leds: [{ reader: 0, led: 0, temporary: LIGHTS[shown] }] })
    const tone = TONES[shown]
    if (tone) this.#deps.show({ type: 'buzzer', reader: 0, tone: 'default', ...tone })
  }

  #stateNow(at: Moment): ReaderState {
    const { id, gate } = this.#config
    const { status, reason, identity } = this.#line
    return {
      id,
      gate,
      status: this.#deps.install.isUnderWay() ? 'installing' : status,
      since: new Date(at.wall_ms).toISOString(),
      ...(reason === undefined ? {} : { reason }),
      ...(identity ? { unit: unitText(identity) } : {}),
    }
  }

  #tellState(at: Moment): void {
    const before = this.#shown
    const now = this.#stateNow(at)
    const isSame = now.status === before.status && now.reason === before.reason && now.unit === before.unit
    if (isSame) return
    // It is so since then, whatever else changed.
    this.#shown = now.status === before.status ? { ...now, since: before.since } : now
    this.#deps.onState()
  }
}

/** Of the contract's name of a part, with `-case` behind it. */
const PART_CHARS_MAX = 35

/** Vendor as in the IEEE's list of OUIs; the reader sends its first byte first. */
function unitText({ vendor, model, serial }: Identity): string {
  const oui = [vendor & 0xff, (vendor >> 8) & 0xff, vendor >> 16].map((one) => one.toString(16).padStart(2, '0'))
  return `${oui.join('')}-${model}-${serial}`
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
