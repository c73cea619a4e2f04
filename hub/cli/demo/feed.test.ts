import { describe, expect, it } from 'vitest'
import { accessGateEvents } from '../../contract/access-gate.ts'
import { alarmButtonEvents } from '../../contract/alarm-button.ts'
import type { Message } from '../../contract/decode.ts'
import { makeEvent } from '../../contract/event.ts'
import { gatewayEvents } from '../../contract/gateway.ts'
import { hubEvents } from '../../contract/hub.ts'
import { incidentEvents } from '../../contract/incident.ts'
import { parkSensorEvents } from '../../contract/park-sensor.ts'
import type { Address } from '../../contract/topic.ts'
import { createFeed } from './feed.ts'
import { eventWord } from './words.ts'

const DOOR: Address = {
  street: 's',
  community: 'c',
  estate: 'e',
  gateway: 'gw-1',
  class: 'access-gate',
  device: 'd1',
}
const feed = (language: 'zh' | 'en') => createFeed({ language, colour: false, label: () => '东门 East door' })

function event(type: string, data: unknown, replayed = false): Message {
  const stamp = { wall_ms: 0, monotonic_ms: 0, quality: 'synced' } as const
  const made = makeEvent({ address: DOOR, bootid: 'b', sequence: 1 }, type, 'notice', stamp, data)
  return { kind: 'event', topic: { ...DOOR, channel: 'evt', type }, event: replayed ? { ...made, replayed } : made }
}
const state = (lock: string): Message => ({ kind: 'state', topic: { ...DOOR, channel: 'state' }, state: { lock } })

describe('the feed', () => {
  it('tells of a passage in both languages, and keeps the credential to itself', () => {
    const passage = event('passage', { direction: 'in', granted: true, by: 'card', credential: 'c'.repeat(64) })
    expect(feed('en')(passage, '10:00:00')).toBe(
      '10:00:00  · gw-1/d1        passage (direction in, by card)  · 东门 East door',
    )
    expect(feed('zh')(passage, '10:00:00')).toBe('10:00:00  · gw-1/d1        通行 (方向 进, 凭 卡)  · 东门 East door')
  })

  it('says whether an output went on or off', () => {
    const changed = (on: boolean) => event('output-changed', { output: 'lawn', on, by: 'limit' })
    expect(feed('zh')(changed(true), '')).toContain('(输出 草坪灌溉, 开, 凭 限时)')
    expect(feed('en')(changed(false), '')).toContain('(output lawn, off, by limit)')
  })

  it('says what came late, in the words of an outage', () => {
    expect(feed('zh')(event('denied', { reason: 'unknown' }, true), '')).toContain('拒绝通行 (原因 未知)(补传)')
  })

  it('shows what a gate does when it changes, and nothing when its state comes again', () => {
    const tell = feed('en')
    expect(['locked', 'locked', 'unlocked', 'unlocked', 'locked'].map((lock) => tell(state(lock), '')?.trim())).toEqual(
      [
        undefined,
        undefined,
        '○ gw-1/d1        unlocked  · 东门 East door',
        undefined,
        '○ gw-1/d1        locked  · 东门 East door',
      ],
    )
  })

  it('tells readings with what they are worth', () => {
    const topic: Address = { ...DOOR, class: 'park-sensor', device: 'air-1' }
    const stamp = { wall_ms: 0, monotonic_ms: 0, quality: 'synced' } as const
    const pack = [
      { bn: 'air-1/', bt: 0, n: 'temperature', u: 'Cel', v: 24.6 },
      { n: 'humidity', u: '%RH', vs: 'bus-error', q: 'bad' as const, qr: 'bus-error' as const },
    ]
    const made = makeEvent({ address: topic, bootid: 'b', sequence: 1 }, 'telemetry', 'notice', stamp, pack)
    const message: Message = { kind: 'telemetry', topic: { ...topic, channel: 'tele' }, event: made }
    expect(feed('en')(message, '')).toContain('~ gw-1/air-1     temperature 24.6 °C · humidity – (bad: bus-error)')
    expect(feed('zh')(message, '')).toContain('温度 24.6 °C · 湿度 – (不可用: 总线无应答)')
  })

  it('counts the gates of an evacuation', () => {
    const hub: Address = { ...DOOR, gateway: 'hub', class: 'hub', device: 'hub-1' }
    const result = {
      id: 'a',
      name: 'release-all',
      status: 'failed',
      at: '',
      code: 'ESTATE_RELEASE_INCOMPLETE',
    } as const
    const message: Message = {
      kind: 'result',
      topic: { ...hub, channel: 'res', id: 'a' },
      result: { ...result, data: { gates: 12, released: 11, missing: [] } },
    }
    expect(feed('en')(message, '')).toContain('release-all: failed 11/12 ESTATE_RELEASE_INCOMPLETE')
  })

  it('has a word for every event of the devices of the demo', () => {
    const every = [
      accessGateEvents,
      alarmButtonEvents,
      gatewayEvents,
      hubEvents,
      incidentEvents,
      parkSensorEvents,
    ].flatMap((events) => Object.keys(events))
    for (const language of ['zh', 'en'] as const)
      expect(every.filter((type) => eventWord(type, language) === undefined)).toEqual([])
  })
})
