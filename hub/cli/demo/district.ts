import { randomUUID } from 'node:crypto'
import type { Command } from '../../contract/command.ts'
import { decodeMessage } from '../../contract/decode.ts'
import { encodeJson } from '../../contract/encode.ts'
import { formatTopic, sitePath } from '../../contract/topic.ts'
import { createMqttLink } from '../../journal/shipper/mqtt-link.ts'
import type { Language } from '../language.ts'
import { DEMO_BUTTONS, DEMO_SITE } from './estate.ts'
import { feedLine } from './feed.ts'

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
const BACKOFF = { first_ms: 200, max_ms: 1_000 }

/** What a platform of the district would do: read along, send a command. */
export function listenToDistrict(options: DistrictOptions) {
  const link = createMqttLink(
    { random: options.random },
    { url: options.url, clientId: `linli-demo-${randomUUID().slice(0, 8)}`, clean: true, backoff: BACKOFF },
  )
  const style = { language: options.language, colour: process.stdout.isTTY === true && !options.json, label: labelOf }
  const online = new Set<string>()
  const all = Promise.withResolvers<void>()

  function receive({ topic, retain, payload }: DistrictMessage): void {
    // Commands of the platform itself.
    if (topic.includes('/cmd/')) return
    if (topic.includes('/alarm-button/') && topic.endsWith('/avail') && statusOf(payload) === 'online')
      online.add(topic)
    if (online.size === DEMO_BUTTONS.length) all.resolve()
    if (options.json) {
      const line = { topic, retain, receivedat: new Date().toISOString(), payload: jsonOf(payload) }
      process.stdout.write(`${JSON.stringify(line)}\n`)
      return
    }
    // A broker clears the retain flag on live delivery (MQTT 3.1.1 §3.3.1-9), so the channel decides.
    const decoded = decodeMessage(topic, payload, /\/(state|avail|meta)$/.test(topic))
    if (!decoded.ok) {
      options.say(`?  ${topic}: ${decoded.error.message}`)
      return
    }
    const line = feedLine(decoded.value, new Date().toLocaleTimeString('en-GB'), style)
    if (line !== undefined) options.say(`  ${line}`)
  }

  link.onUp(() => {
    // A refused subscription ends the link, which then comes up again.
    if (options.subscribe) link.subscribe(`${sitePath(DEMO_SITE)}/#`, 1).catch(() => undefined)
  })
  link.onMessage(receive)
  link.start()

  return {
    receive,
    /** Resolves when every button of the demo is online at the district. */
    allOnline: all.promise,
    reset(device: string, gateway: string): void {
      const id = randomUUID()
      const now_ms = Date.now()
      const command: Command = {
        id,
        name: 'reset',
        issuedat: new Date(now_ms).toISOString(),
        expiresat: new Date(now_ms + 10_000).toISOString(),
        actor: { kind: 'platform', id: 'demo-district' },
        args: {},
      }
      const topic = formatTopic({
        ...DEMO_SITE,
        gateway,
        class: 'alarm-button',
        device,
        channel: 'cmd',
        name: 'reset',
        id,
      })
      link
        .publish(topic, encodeJson(command), { qos: 1, retain: false })
        .catch((error: Error) => options.say(`  reset: ${error.message}`))
    },
    close: () => link.close(),
  }
}

function statusOf(payload: Uint8Array): unknown {
  const value = jsonOf(payload)
  return typeof value === 'object' && value !== null && 'status' in value ? value.status : undefined
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
  return DEMO_BUTTONS.find((button) => button.id === device)?.place.label
}
