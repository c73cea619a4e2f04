import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { CommandRequest } from '../commands/desk.ts'
import type { Result } from '../contract/command.ts'
import type { Configure } from '../contract/configuration.ts'
import type { Message } from '../contract/decode.ts'
import { exampleButton, exampleSite } from './examples.ts'
import { createPusher, HELD_MS, RETRY_MS, SETTLE_MS } from './pusher.ts'
import type { SiteConfig } from './schema.ts'

const SITE = { street: 's', community: 'c', estate: 'e' }
let config: SiteConfig
let configuration: object | undefined
let isOnline: boolean
let isHeld: boolean
let sent: Array<CommandRequest & { args: Configure }>
let answer: (request: CommandRequest) => Partial<Result>
const topic = { ...SITE, gateway: 'gw-1', class: 'gateway', device: 'gw-1', channel: 'state' } as const
const state = { kind: 'state', topic, state: {} } as unknown as Message

function pusher() {
  return createPusher({
    site: SITE,
    config: () => config,
    devices: {
      get: (address) => ({ address, meta: undefined, availability: undefined, state: { configuration } }),
      gatewayOnline: () => isOnline,
    },
    async send(request) {
      sent.push(request as (typeof sent)[number])
      return { id: 'x', name: 'configure', at: '', ...answer(request) } as Result
    },
    isHeld: () => isHeld,
    sign: (text) => text,
    logger: { info() {}, error() {} },
  })
}
/** The gateway runs on the last one that it was sent. */
const runs = () => {
  const { version, digest } = sent.at(-1)?.args ?? {}
  configuration = { version, digest }
}

beforeEach(() => {
  vi.useFakeTimers()
  config = exampleSite()
  configuration = { version: 0 }
  isOnline = true
  isHeld = false
  sent = []
  answer = () => ({ status: 'succeeded' })
})
afterEach(() => vi.useRealTimers())

describe('a gateway', () => {
  it('that is heard is sent its part once, signed for it; the next version when the site changes', async () => {
    const pushing = pusher()
    expect(pushing.status()).toEqual({ 'gw-1': { status: 'waiting', version: 0 } })
    pushing.heard(state)
    await vi.advanceTimersByTimeAsync(SETTLE_MS)
    const { version, digest, signature } = sent[0]?.args ?? {}
    expect(signature).toBe(`linli gateway configuration\nlinli/v1/s/c/e/gw-1\n${version}\n${digest}\n`)
    runs()
    pushing.heard(state)
    await vi.advanceTimersByTimeAsync(RETRY_MS)
    expect(sent).toHaveLength(1)
    expect(pushing.status()).toEqual({ 'gw-1': { status: 'current', version: 1 } })
    config = exampleSite([exampleButton('b1', 3)])
    pushing.onSite()
    await vi.advanceTimersByTimeAsync(0)
    expect(sent.map(({ args }) => args.version)).toEqual([1, 2])
    pushing.close()
  })

  it('is left alone while an evacuation holds its gates open', async () => {
    isHeld = true
    const pushing = pusher()
    pushing.heard(state)
    await vi.advanceTimersByTimeAsync(SETTLE_MS + 3 * HELD_MS)
    expect(sent).toHaveLength(0)
    expect(pushing.status()).toEqual({ 'gw-1': { status: 'waiting', version: 0 } })
    isHeld = false
    await vi.advanceTimersByTimeAsync(HELD_MS)
    expect(sent).toHaveLength(1)
    pushing.close()
  })

  it('that refuses it is not asked again until the site says something else', async () => {
    answer = () => ({ status: 'refused', code: 'CONFIG_INVALID', message: '/devices/0/contactPin is 999' })
    const pushing = pusher()
    pushing.heard(state)
    await vi.advanceTimersByTimeAsync(SETTLE_MS + 10 * RETRY_MS)
    pushing.heard(state)
    await vi.advanceTimersByTimeAsync(RETRY_MS)
    expect(sent).toHaveLength(1)
    expect(pushing.status()['gw-1']).toMatchObject({ status: 'refused', error: { code: 'CONFIG_INVALID' } })
    config = exampleSite([])
    pushing.onSite()
    await vi.advanceTimersByTimeAsync(0)
    expect(sent).toHaveLength(2)
    pushing.close()
  })

  it('that does not answer is asked again; one that is away, silent or not of this site is not', async () => {
    answer = () => ({ status: 'expired', code: 'RESULT_UNKNOWN' })
    const pushing = pusher()
    pushing.heard(state)
    await vi.advanceTimersByTimeAsync(SETTLE_MS)
    answer = () => ({ status: 'succeeded' })
    await vi.advanceTimersByTimeAsync(RETRY_MS)
    expect(sent).toHaveLength(2)
    isOnline = false
    pushing.heard(state)
    await vi.advanceTimersByTimeAsync(SETTLE_MS)
    isOnline = true
    configuration = undefined
    pushing.heard(state)
    pushing.heard({ ...state, topic: { ...topic, estate: 'x' } } as unknown as Message)
    pushing.heard({ ...state, topic: { ...topic, gateway: 'constructor' } } as unknown as Message)
    await vi.advanceTimersByTimeAsync(SETTLE_MS)
    expect(sent).toHaveLength(2)
    expect(pushing.status()).toEqual({ 'gw-1': { status: 'silent' } })
    pushing.close()
  })
})
