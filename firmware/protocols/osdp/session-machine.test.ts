import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nodeAes } from './aes.ts'
import { createFrameParser, encodeFrame } from './frame.ts'
import { createReaderInMemory } from './reader-in-memory.ts'
import { nextTurn, type SessionInput, step } from './session-machine.ts'
import { createSessionState, QUEUE_MAX, type SessionConfig, type SessionEffect } from './session-state.ts'

const key = Array.from({ length: 16 }, (_, i) => 0xc0 + i)
const newKey = key.map((one) => one ^ 0x55)
const config: SessionConfig = {
  address: 1,
  security: { mode: 'secure', keys: [Uint8Array.from(key)] },
  aes: nodeAes,
  check: 'crc',
  pollInterval_ms: 50,
  sessionLost_ms: 8000,
  backoff: { first_ms: 1000, max_ms: 10_000 },
}

/** What a hostile or unlucky line can do between two turns. */
type Act =
  | { do: 'answer' }
  | { do: 'lose' }
  | { do: 'garble' }
  | { do: 'forge'; sequence: number; code: number; data: Uint8Array; type: number | undefined }
  | { do: 'command'; expires_ms: number }
  | { do: 'line'; up: boolean }
  | { do: 'install'; for_ms: number; key: number[] }
  | { do: 'wait'; ms: number }
  | { do: 'forget' }

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 12, arbitrary: fc.constant<Act>({ do: 'answer' }) },
  fc.constant<Act>({ do: 'lose' }),
  fc.constant<Act>({ do: 'garble' }),
  fc.record({
    do: fc.constant('forge' as const),
    sequence: fc.nat(3),
    code: fc.constantFrom(0x40, 0x41, 0x45, 0x46, 0x48, 0x50, 0x53, 0x76, 0x78, 0x79, 0x90),
    data: fc.uint8Array({ maxLength: 40 }),
    type: fc.option(fc.integer({ min: 0x11, max: 0x18 }), { nil: undefined }),
  }),
  fc.record({ do: fc.constant('command' as const), expires_ms: fc.integer({ min: -10, max: 500 }) }),
  fc.record({ do: fc.constant('line' as const), up: fc.boolean() }),
  fc.record({ do: fc.constant('install' as const), for_ms: fc.nat(20_000), key: fc.constantFrom(key, newKey) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.nat(9000) }),
  fc.constant<Act>({ do: 'forget' }),
)

const isEvent = (effect: SessionEffect, type: string) => effect.type === 'event' && effect.event.type === type

/** Plays the acts, and gives every effect with what caused it. */
function play(acts: Act[], readerKey: number[] | undefined) {
  const reader = createReaderInMemory(1, readerKey)
  let state = createSessionState(config, 0)
  let now_ms = 0
  let ticket = 0
  let forged = false
  const log: Array<{ effect: SessionEffect; forged: boolean; secure: boolean }> = []
  let outstanding: Uint8Array | undefined
  const feed = (input: SessionInput) => {
    const secure = state.secure !== undefined
    const result = step(config, state, input, now_ms)
    state = result.state
    for (const effect of result.effects) {
      log.push({ effect, forged, secure })
      if (effect.type === 'send') {
        expect(outstanding, 'one command on the line at a time').toBeUndefined()
        outstanding = effect.bytes
      } else if (effect.type === 'release') {
        expect(outstanding, 'only a line in use is released').toBeDefined()
        outstanding = undefined
      }
    }
  }
  const answer = (bytes: number[] | undefined) => {
    const parsed = createFrameParser().push(Uint8Array.from(bytes ?? []))[0]
    if (parsed?.ok) feed({ type: 'frame', frame: parsed.frame })
    if (outstanding) feed({ type: 'silence', corrupted: bytes !== undefined })
  }
  for (const one of acts) {
    forged = one.do === 'forge'
    const turn = nextTurn(state)
    if (turn && turn.at_ms <= now_ms + 2000 && one.do !== 'line') {
      now_ms = Math.max(now_ms, turn.at_ms)
      feed({ type: 'turn', random: Uint8Array.from({ length: 8 }, (_, i) => i + now_ms) })
    }
    const sent = outstanding
    if (one.do === 'command')
      feed({ type: 'command', ticket: ++ticket, command: { type: 'id' }, expires_ms: now_ms + one.expires_ms })
    else if (one.do === 'install')
      feed({ type: 'install', until_ms: now_ms + one.for_ms, key: Uint8Array.from(one.key) })
    else if (one.do === 'wait') now_ms += one.ms
    else if (one.do === 'forget') reader.loseMemory()
    else if (one.do === 'line') feed({ type: 'line', up: one.up })
    else if (sent && one.do === 'forge') {
      const { sequence, code, data, type } = one
      const security = type === undefined ? {} : { security: { type, data: Uint8Array.of(1) } }
      answer([...encodeFrame({ address: 1, reply: true, check: 'crc', sequence, code, data, ...security })])
    } else if (sent) {
      const reply = reader.receive(sent)
      if (one.do === 'answer') answer(reply)
      else answer(one.do === 'garble' ? [1, 2, 3] : undefined)
    }
    now_ms += 5
    expect(state.queue.length).toBeLessThanOrEqual(QUEUE_MAX)
    if (readerKey)
      expect(state.keys.map(String), 'the key that the reader has is never forgotten').toContain(String(reader.key))
  }
  const onlineAtEnd = state.told.online
  feed({ type: 'line', up: false })
  return { log, onlineAtEnd, tickets: ticket }
}

describe('whatever the line does', () => {
  it('every command gets exactly one result, and the line is used by one command at a time', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 120 }), fc.constantFrom(key, undefined), (acts, readerKey) => {
        const { log, tickets } = play(acts, readerKey)
        const answered = log.flatMap(({ effect }) => (effect.type === 'result' ? [effect.ticket] : []))
        expect(answered.toSorted((a, b) => a - b)).toEqual(Array.from({ length: tickets }, (_, i) => i + 1))
      }),
    )
  })

  it('a forged frame never becomes a card, a key press or an online reader', () => {
    let forgedWhileSecure = 0
    fc.assert(
      fc.property(fc.array(act, { maxLength: 120 }), (acts) => {
        // Most of what is worth forging happens in a session that stands.
        const begin = Array.from({ length: 8 }, (): Act => ({ do: 'answer' }))
        const { log } = play([...begin, ...acts], key)
        forgedWhileSecure += log.filter(({ forged, secure }) => forged && secure).length
        for (const { effect, forged } of log)
          for (const type of ['card', 'keypad', 'online', 'key-set', 'local-status'])
            if (isEvent(effect, type)) expect(forged, type).toBe(false)
      }),
      { numRuns: 300 },
    )
    expect(forgedWhileSecure).toBeGreaterThan(50)
  })

  it('online and offline alternate, and nothing is reported while offline', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 120 }), (acts) => {
        let online = false
        for (const { effect } of play(acts, key).log) {
          if (isEvent(effect, 'online')) {
            expect(online).toBe(false)
            online = true
          } else if (isEvent(effect, 'offline')) online = false
          else if (isEvent(effect, 'card') || isEvent(effect, 'local-status')) expect(online).toBe(true)
        }
      }),
    )
  })

  it('a healthy line brings the reader back, whatever happened before', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const heal: Act[] = [
          { do: 'line', up: true },
          { do: 'wait', ms: 9000 },
        ]
        const calm = Array.from({ length: 60 }, (): Act[] => [{ do: 'answer' }, { do: 'wait', ms: 200 }]).flat()
        expect(play([...acts, ...heal, ...calm], key).onlineAtEnd).toBe(true)
      }),
    )
  })
})
