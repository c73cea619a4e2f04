import type { ReaderEvent } from '../../events.ts'
import { integerBetween } from '../../random.ts'
import type { ReaderStep } from '../../scenario/steps.ts'
import type { Cancel } from '../../time/timeline.ts'
import type { BusDevice, BusDeviceDeps } from '../bus-device.ts'
import { Channel, type KeyStore } from './channel.ts'
import { type Answer, answer, REPLY } from './codes.ts'
import type { OsdpReaderConfig } from './config.ts'
import { bits26, cardReport, keyReport } from './credentials.ts'
import { type Command, CommandReader, encodeReply } from './frame.ts'
import { Light } from './light.ts'
import { Link } from './link.ts'
import { Misreplies } from './misreplies.ts'
import { execute, littleEndian32, localStatus, type PanelHost } from './panel.ts'

const REPLY_MS = 2
/** OSDP 2.2, 5.7: after so long without a command the controller is gone. */
const OFFLINE_MS = 8000
const KEY_GAP_MS = 200
const POWER_OFF_MS = 500
const BOOT_MS = 300
/** A reader remembers no more than this. */
const WAITING_MAX = 16

interface Report {
  answer: Answer
  kind: 'card' | 'digits' | 'status'
}

/** A card reader with keypad, light, buzzer and tamper switch: an OSDP v2 peripheral with the secure channel. */
export class OsdpReader implements BusDevice, PanelHost {
  readonly id: string
  readonly keys: KeyStore
  readonly light: Light
  readonly #deps: BusDeviceDeps
  readonly #config: OsdpReaderConfig
  readonly #commands: CommandReader
  readonly #channel: Channel
  readonly #link: Link
  readonly #misreplies: Misreplies
  #serial: number
  #secureOnly: boolean
  #tampered = false
  #powered = false
  #connected = true
  #reports: Report[] = []
  /** The first report was in the last reply. */
  #told = false
  #state: (ReaderEvent & { type: 'reader' })['state'] = 'off'
  #offline: Cancel | undefined
  #boot: Cancel | undefined
  #now_ms = 0

  constructor(deps: BusDeviceDeps, config: OsdpReaderConfig) {
    this.id = config.id
    this.#deps = deps
    this.#config = config
    this.#serial = integerBetween(deps.random, 1, 0x7fff_ffff)
    const scbk = config.scbk === undefined ? undefined : Uint8Array.from(Buffer.from(config.scbk, 'hex'))
    this.keys = { scbk, install: config.install ?? !scbk, clientId: this.#clientId() }
    this.#secureOnly = config.secure_only ?? scbk !== undefined
    this.light = new Light(deps.timeline, ({ color, flashing }, at_ms) =>
      deps.emit({ type: 'led', device: this.id, color, flashing, at_ms: this.#wall(at_ms) }),
    )
    this.#channel = new Channel(this.keys, deps.random)
    this.#link = new Link(config.address, this.#channel, {
      execute: (code, data, secure) => execute(this, code, data, secure, this.#now_ms),
      heard: () => this.#heard(),
    })
    this.#misreplies = new Misreplies()
    this.#commands = new CommandReader((command, ended_ms) => this.#command(command, ended_ms))
  }

  get serial(): number {
    return this.#serial
  }
  get secureOnly(): boolean {
    return this.#secureOnly
  }
  get tampered(): boolean {
    return this.#tampered
  }

  start(at_ms: number): void {
    this.#powered = true
    this.#setState('offline', at_ms)
  }

  receive(bytes: Uint8Array, first_ms: number, byte_ms: number): void {
    if (this.#powered && this.#connected) this.#commands.push(bytes, first_ms, byte_ms)
  }

  waiting(): Answer | undefined {
    const first = this.#reports[0]
    this.#told = first !== undefined
    return first?.answer
  }

  beep(beeps: number, at_ms: number): void {
    this.#deps.emit({ type: 'buzzer', device: this.id, beeps, at_ms: this.#wall(at_ms) })
  }

  keySet(at_ms: number): void {
    this.#secureOnly = this.#config.secure_only ?? true
    this.#deps.emit({ type: 'key', device: this.id, state: 'set', at_ms: this.#wall(at_ms) })
  }

  apply(step: ReaderStep, at_ms: number): void {
    switch (step.do) {
      case 'card':
        this.#report('card', cardReport(step.bits ?? bits26(step.facility ?? 1, step.number ?? 1)), at_ms)
        break
      case 'keypad':
        this.#type(step.digits, step.together ?? false, at_ms)
        break
      case 'tamper':
        this.#setTamper(step.on ?? true)
        break
      case 'power-cycle':
        this.#powerOff(at_ms)
        this.#boot = this.#deps.timeline.at(at_ms + (step.off_ms ?? POWER_OFF_MS) + BOOT_MS, (due_ms) =>
          this.start(due_ms),
        )
        break
      case 'swap':
        this.#swap(step.scbk, at_ms)
        break
      case 'disconnect':
      case 'reconnect':
        this.#connected = step.do === 'reconnect'
        break
      case 'busy':
        this.#link.beBusy(step.count ?? 1)
        break
      case 'misreply':
        this.#misreplies.plan(step.how, step.count ?? 1)
    }
  }

  #wall(at_ms: number): number {
    return this.#deps.timeline.wall_ms(at_ms)
  }

  #clientId(): Uint8Array {
    return Uint8Array.from([0x4c, 0x4e, 0x4c, 1, ...littleEndian32(this.#serial)])
  }

  #setState(state: (ReaderEvent & { type: 'reader' })['state'], at_ms: number): void {
    if (state === this.#state) return
    this.#state = state
    this.#deps.emit({ type: 'reader', device: this.id, state, at_ms: this.#wall(at_ms) })
  }

  #command(command: Command, ended_ms: number): void {
    this.#now_ms = ended_ms
    const reply = this.#link.handle(command)
    if (!reply) return
    this.#offline?.()
    this.#offline = this.#deps.timeline.at(ended_ms + OFFLINE_MS, (due_ms) => this.#abandoned(due_ms))
    this.#setState(this.#channel.established ? 'secure' : 'plain', ended_ms)
    const plain = encodeReply({
      address: this.#config.address,
      sequence: command.sequence,
      crc: command.crc,
      ...answer(REPLY.ack),
    })
    const { bytes, late_ms } = this.#misreplies.bend(reply, plain)
    if (bytes.length === 0) return
    const start_ms = ended_ms + (this.#config.reply_ms ?? REPLY_MS) + late_ms
    this.#deps.timeline.at(start_ms, (due_ms) => {
      if (this.#powered && this.#connected) this.#deps.send(bytes, due_ms)
    })
  }

  /** The controller went on to the next command: it has the last reply. */
  #heard(): void {
    if (!this.#told) return
    this.#told = false
    const report = this.#reports.shift()
    if (report && report.kind !== 'status') this.#credential(report.kind, 'sent', this.#now_ms)
  }

  #abandoned(at_ms: number): void {
    this.#link.reset()
    this.#setState('offline', at_ms)
    this.#lose(at_ms)
  }

  #lose(at_ms: number): void {
    const lost = this.#reports
    this.#reports = []
    this.#told = false
    for (const { kind } of lost) if (kind !== 'status') this.#credential(kind, 'lost', at_ms)
  }

  #credential(kind: 'card' | 'digits', state: 'read' | 'sent' | 'lost', at_ms: number): void {
    this.#deps.emit({ type: 'credential', device: this.id, kind, state, at_ms: this.#wall(at_ms) })
  }

  #report(kind: 'card' | 'digits', answer: Answer, at_ms: number): void {
    if (this.#powered) this.#credential(kind, 'read', at_ms)
    const takes = this.#state === 'secure' || this.#state === 'plain'
    if (!takes || this.#reports.length >= WAITING_MAX) {
      this.#credential(kind, 'lost', at_ms)
      return
    }
    this.#reports.push({ answer, kind })
  }

  #type(digits: string, together: boolean, at_ms: number): void {
    if (together) {
      this.#report('digits', keyReport(digits), at_ms)
      return
    }
    for (const [index, key] of [...digits].entries()) {
      this.#deps.timeline.at(at_ms + index * KEY_GAP_MS, (due_ms) => this.#report('digits', keyReport(key), due_ms))
    }
  }

  #setTamper(on: boolean): void {
    if (on === this.#tampered) return
    this.#tampered = on
    if (this.#reports.length < WAITING_MAX) this.#reports.push({ answer: localStatus(on), kind: 'status' })
  }

  #powerOff(at_ms: number): void {
    this.#boot?.()
    this.#offline?.()
    this.#powered = false
    this.#link.reset()
    this.#commands.reset()
    this.light.off(at_ms)
    this.#setState('off', at_ms)
    this.#lose(at_ms)
  }

  /** Another unit on the same wires: it starts from nothing. */
  #swap(scbk: string | undefined, at_ms: number): void {
    this.#powerOff(at_ms)
    this.#serial = integerBetween(this.#deps.random, 1, 0x7fff_ffff)
    this.keys.scbk = scbk === undefined ? undefined : Uint8Array.from(Buffer.from(scbk, 'hex'))
    this.keys.install = scbk === undefined
    this.keys.clientId = this.#clientId()
    this.#secureOnly = scbk !== undefined
    this.#tampered = false
    this.#boot = this.#deps.timeline.at(at_ms + BOOT_MS, (due_ms) => this.start(due_ms))
  }
}
