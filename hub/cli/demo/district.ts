import { randomUUID } from 'node:crypto'
import type { Command } from '../../contract/command.ts'
import { decodeMessage } from '../../contract/decode.ts'
import { encodeJson } from '../../contract/encode.ts'
import { formatTopic, sitePath } from '../../contract/topic.ts'
import { createMqttLink } from '../../journal/shipper/mqtt-link.ts'
import type { Language } from '../language.ts'
import { DEMO_BUTTONS, DEMO_SITE } from './estate.ts'
import { feedLine } from './feed.ts'

/** What a platform of the district would do: subscribe, read along, send a command. */
export function listenToDistrict(options: {
  url: string
  language: Language
  json: boolean
  random: () => number
  say: (line: string) => void
}) {
  const link = createMqttLink(
    { random: options.random },
    { url: options.url, clientId: `linli-demo-${randomUUID().slice(0, 8)}`, clean: true },
  )
  const style = { language: options.language, colour: process.stdout.isTTY === true && !options.json, label: labelOf }

  link.onUp(() => {
    link.subscribe(`${sitePath(DEMO_SITE)}/#`, 1).catch(() => undefined) // A refused subscription ends the link, which then comes up again.
  })
  const online = new Set<string>()
  const all = Promise.withResolvers<void>()
  link.onMessage(({ topic, payload, retain }) => {
    if (topic.includes('/alarm-button/') && topic.endsWith('/avail') && statusOf(payload) === 'online')
      online.add(topic)
    if (online.size === DEMO_BUTTONS.length) all.resolve()
    if (options.json) {
      process.stdout.write(
        `${JSON.stringify({ topic, retain, receivedat: new Date().toISOString(), payload: jsonOf(payload) })}\n`,
      )
      return
    }
    // A broker clears the retain flag on live delivery (MQTT 3.1.1 §3.3.1-9), so the channel decides.
    const retained = /\/(state|avail|meta)$/.test(topic)
    const decoded = decodeMessage(topic, payload, retained)
    if (!decoded.ok) return options.say(`?  ${topic}: ${decoded.error.message}`)
    const line = feedLine(decoded.value, new Date().toLocaleTimeString('en-GB'), style)
    if (line !== undefined) options.say(`  ${line}`)
  })
  link.start()

  return {
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
