import { randomUUID } from 'node:crypto'
import type { Command } from '../../contract/command.ts'
import { decodeMessage } from '../../contract/decode.ts'
import { encodeJson } from '../../contract/encode.ts'
import { type Address, formatTopic, sitePath } from '../../contract/topic.ts'
import { createMqttLink } from '../../journal/shipper/mqtt-link.ts'
import type { Language } from '../language.ts'
import { createDuty } from './duty.ts'
import { DEMO_GATES, labelOfGate } from './entrance.ts'
import { DEMO_BUTTONS, DEMO_SITE } from './estate.ts'
import { createFeed } from './feed.ts'
import { labelOfPark } from './park.ts'

/** One message as the district got it. */
export interface DistrictMessage {
  topic: string
  retain: boolean
  payload: Uint8Array
}

interface DistrictOptions {
  url: string
  /** True for an upstream that is not ours: what it receives is learnt by subscribing. */
  subscribe: boolean
  language: Language
  json: boolean
  random: () => number
  say: (line: string) => void
}

/** The demo's own stand-in comes back at once, so nobody should wait for a long back-off. */
const COMMAND_TTL_MS = 10_000
const BACKOFF = { first_ms: 200, max_ms: 1_000 }

/** What a platform of the district would do: read along, send a command. */
export function listenToDistrict(options: DistrictOptions) {
  const link = createMqttLink(
    { random: options.random },
    { url: options.url, clientId: `linli-demo-${randomUUID().slice(0, 8)}`, clean: true, backoff: BACKOFF },
  )
  const colour = process.stdout.isTTY === true && !options.json
  const feed = createFeed({ language: options.language, colour, label: labelOf })
  const duty = createDuty(command, options.language)
  const online = new Set<string>()
  const all = Promise.withResolvers<void>()
  let evacuating = false

  function receive({ topic, retain, payload }: DistrictMessage): void {
    // Commands of the platform itself.
    if (topic.includes('/cmd/')) return
    if (/\/(alarm-button|access-gate)\/[^/]+\/avail$/.test(topic) && fieldOf(payload, 'status') === 'online')
      online.add(topic)
    if (online.size === DEMO_BUTTONS.length + DEMO_GATES.length) all.resolve()
    if (topic.endsWith('/hub/hub/hub-1/state')) evacuating = fieldOf(payload, 'evacuation') !== undefined
    // A broker clears the retain flag on live delivery (MQTT 3.1.1 §3.3.1-9), so the channel decides.
    const decoded = decodeMessage(topic, payload, /\/(state|avail|meta)$/.test(topic))
    if (decoded.ok) duty.heard(decoded.value)
    if (options.json) {
      const line = { topic, retain, receivedat: new Date().toISOString(), payload: jsonOf(payload) }
      process.stdout.write(`${JSON.stringify(line)}\n`)
      return
    }
    if (!decoded.ok) {
      options.say(`?  ${topic}: ${decoded.error.message}`)
      return
    }
    const line = feed(decoded.value, new Date().toLocaleTimeString('en-GB'))
    if (line !== undefined) options.say(`  ${line}`)
  }

  /** A command as a platform of the district sends it; its result comes like everything else. */
  function command(address: Address, name: string, args: unknown = {}): void {
    const id = randomUUID()
    const now_ms = Date.now()
    const command: Command = {
      id,
      name,
      issuedat: new Date(now_ms).toISOString(),
      expiresat: new Date(now_ms + COMMAND_TTL_MS).toISOString(),
      actor: { kind: 'platform', id: 'demo-district' },
      args,
    }
    const topic = formatTopic({ ...address, channel: 'cmd', name, id })
    link
      .publish(topic, encodeJson(command), { qos: 1, retain: false })
      .catch((error: Error) => options.say(`  ${name}: ${error.message}`))
  }

  link.onUp(() => {
    // A refused subscription ends the link, which then comes up again.
    if (options.subscribe) link.subscribe(`${sitePath(DEMO_SITE)}/#`, 1).catch(() => undefined)
  })
  link.onMessage(receive)
  link.start()

  return {
    receive,
    /** Resolves when every button and gate of the demo is online at the district. */
    allOnline: all.promise,
    command,
    /** Whether an evacuation of the estate is on, by what the hub said last. */
    isEvacuating: () => evacuating,
    close: () => link.close(),
  }
}

function fieldOf(payload: Uint8Array, name: string): unknown {
  const value = jsonOf(payload)
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

function jsonOf(payload: Uint8Array): unknown {
  const textual = Buffer.from(payload).toString('utf8')
  try {
    return JSON.parse(textual)
  } catch {
    return textual
  }
}

function labelOf(_gateway: string, device: string): string | undefined {
  return DEMO_BUTTONS.find((button) => button.id === device)?.place.label ?? labelOfGate(device) ?? labelOfPark(device)
}
