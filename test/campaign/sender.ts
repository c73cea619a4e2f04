import { encodeJson } from '../../hub/contract/encode.ts'
import { makeEvent } from '../../hub/contract/event.ts'
import { type Address, formatTopic } from '../../hub/contract/topic.ts'
import { SITE } from '../support/estate.ts'
import { createResender } from '../support/resender.ts'

/**
 * A gateway that exists only here, at the pace of a busy estate.
 */

export interface Sent {
  device: string
  sequence: number
  lane: 'alarm' | 'telemetry'
  /** performance.now() when it was first due. */
  at_ms: number
}

export interface Sender {
  /** By event id: everything this gateway has ever had to say. */
  readonly sent: ReadonlyMap<string, Sent>
  /** Not acknowledged yet. */
  readonly waiting: number
  /** No more events; what waits is still sent. */
  finish(): void
  close(): void
}

const DEVICES = 6

/** @param bootid of this run: another one is another gateway to whoever drops duplicates */
export function startSender(port: () => number, config: { bootid: string; per_second: number }): Sender {
  const sent = new Map<string, Sent>()
  const resender = createResender(port, 'campaign')

  function make(): void {
    const sequence = sent.size + 1
    const lane = sequence % 5 === 0 ? 'telemetry' : 'alarm'
    const device = `x${sequence % DEVICES}`
    const address: Address =
      lane === 'alarm'
        ? { ...SITE, gateway: 'campaign', class: 'alarm-button', device }
        : { ...SITE, gateway: 'campaign', class: 'park-sensor', device: 'air' }
    const at_ms = performance.now()
    const stamp = { wall_ms: Date.now(), monotonic_ms: Math.round(at_ms), quality: 'synced' } as const
    const source = { address, bootid: config.bootid, sequence }
    const event =
      lane === 'alarm'
        ? makeEvent(source, 'pressed', 'alarm', stamp, { press: sequence, atstart: false })
        : makeEvent(source, 'telemetry', 'notice', stamp, [{ n: 'temperature', u: 'Cel', v: sequence % 40 }])
    const topic = formatTopic(
      lane === 'alarm' ? { ...address, channel: 'evt', type: 'pressed' } : { ...address, channel: 'tele' },
    )
    sent.set(event.id, { device: address.device, sequence, lane, at_ms })
    resender.push(topic, encodeJson(event))
  }

  const making = setInterval(make, 1000 / config.per_second)
  return {
    sent,
    get waiting() {
      return resender.waiting
    },
    finish: () => clearInterval(making),
    close() {
      clearInterval(making)
      resender.close()
    },
  }
}
