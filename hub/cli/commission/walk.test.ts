import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Look } from '../../commissioning/counter.ts'
import type { Seen, Sighting } from '../../commissioning/watch.ts'
import type { LinliEvent } from '../../contract/event.ts'
import { allDevices, type Found } from '../../site/changes.ts'
import { exampleButton, exampleSite } from '../../site/examples.ts'
import type { Dialogue } from './dialogue.ts'
import { openSession, outcomeOf, type Session } from './session.ts'
import { clockDifference, type Stand } from './stand.ts'
import { inOrder, walk } from './walk.ts'

/** A button that does what is asked of it, or not, and a person who answers as told. */
class Wall {
  readonly said: string[] = []
  readonly commands: string[] = []
  answers: Record<string, string> = {}
  /** What happens when a person is told to do something; `skip`: they do not. */
  acts: Record<string, Seen[] | 'skip'> = {
    press: [
      eventOf('pressed', { press: 1 }, 5_000),
      { type: 'acknowledged', id: 'pressed', upstream: 'city', after_ms: 9 },
    ],
    release: [
      eventOf('released', { press: 1, held_ms: 210 }, 5_210),
      { type: 'acknowledged', id: 'released', upstream: 'city', after_ms: 8 },
    ],
  }
  state: object = { alarm: false }
  isOnline = true
  resultOf: (name: string) => string = () => 'succeeded'
  #sightings: Sighting[] = []
  monotonic_ms = 0

  readonly stand: Stand = {
    look: async (): Promise<Look> => ({
      type: 'commission-look',
      number: this.#sightings.length,
      meta: {
        class: 'alarm-button',
        model: 'm',
        driver: { name: 'd', version: '1' },
        place: {},
        capabilities: ['lamp'],
      },
      state: this.state,
      availability: { status: this.isOnline ? 'online' : 'offline', reason: 'board-absent' },
      gatewayOnline: true,
      readers: [],
      upstreams: [{ name: 'city', connected: true }],
      canSign: true,
    }),
    command: async (name) => {
      this.commands.push(name)
      const status = this.resultOf(name) as 'succeeded'
      // The gateway's clock is 4 s ahead of the hub's.
      const clocks = { sent_ms: 1_100, gateway_ms: 5_104, received_ms: 1_108 }
      return {
        type: 'commission-command',
        result: { id: 'c', name, status, at: 'now' },
        sent_ms: 1_100,
        ended_ms: 1_130,
        clocks,
      }
    },
    watch: async (after) => {
      const more = this.#sightings.filter(({ number }) => number > after)
      if (more.length === 0) this.monotonic_ms += 1_000
      return more
    },
  }

  readonly dialogue: Dialogue = {
    say: (text) => void this.said.push(text),
    device: (name) => void this.said.push(name),
    check: ({ check, outcome, reason }) => void this.said.push([check, outcome, reason].filter((one) => one).join(' ')),
    done: ({ outcome }) => void this.said.push(outcome),
    ask: async (key, choices) => (this.answers[key] ?? choices[0]) as (typeof choices)[number],
    text: async () => 'a note',
    until: async (key, done) => {
      const act = this.acts[key] ?? []
      if (act === 'skip') return 'skip'
      // The hub's clock says 1,020 when it has the first of them.
      for (const [index, seen] of act.entries())
        this.#sightings.push({ ...seen, number: this.#sightings.length + 1, at_ms: 1_020 + index })
      return done(new AbortController().signal)
    },
    close() {},
  }
}

function eventOf(name: string, data: object, at_ms: number): Seen {
  const event = { id: name, time: new Date(at_ms).toISOString(), data } as LinliEvent
  return { type: 'event', id: name, name, event }
}

describe('walking from device to device', () => {
  let dir: string
  let wall: Wall
  let session: Session
  const devices = inOrder(allDevices(exampleSite([exampleButton('b2', 3), exampleButton('b1', 2)])))
  const [b1] = devices as [Found, Found]
  const open = (isRestart = false) =>
    openSession(dir, { site: 's/c/e', startedat: '2026-11-30T08:00:00.000Z', by: async () => 'li' }, isRestart)
  const go = (some: readonly Found[] = [b1], again = false) =>
    walk(
      {
        standAt: () => wall.stand,
        dialogue: wall.dialogue,
        session,
        now_ms: Date.now,
        monotonic_ms: () => wall.monotonic_ms,
      },
      some,
      again,
    )
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'linli-walk-'))
    wall = new Wall()
    session = await open()
  })
  afterEach(() => rmSync(dir, { recursive: true }))

  it('measures what was measured, with the difference of the clocks taken out', async () => {
    await go()
    const outcome = outcomeOf(session.kept, b1)
    expect(outcome).toMatchObject({ outcome: 'pass', tries: 1 })
    expect(outcome?.checks.find(({ check }) => check === 'press')?.measured).toEqual({
      upstream_ms: { city: 9 },
      // Pressed at 5,000 by a clock that is 4,000 ahead; on the hub's disk at 1,020.
      edgeToHub_ms: 20,
      edgeToHub_uncertainty_ms: 5,
    })
    expect(wall.commands).toEqual(['lamp', 'reset'])
  })

  it.each([
    ['the button does nothing', { acts: { press: [] } }, 'press fail NOTHING_CAME'],
    [
      'no platform acknowledges',
      { acts: { press: [eventOf('pressed', { press: 1 }, 5_000)] } },
      'press fail UPSTREAM_SILENT',
    ],
    ['the device is away', { isOnline: false }, 'online fail board-absent'],
    ['an alarm stands that is perhaps real', { state: { alarm: true } }, 'press fail ALARM_STANDS'],
    ['the lamp stays dark', { answers: { lampLit: 'no' } }, 'lamp-seen fail SEEN_OTHERWISE'],
    ['a command fails', { resultOf: () => 'failed' }, 'lamp fail FAILED'],
  ])('fails where %s, and says why', async (_what, change, said) => {
    Object.assign(wall, change, { answers: { failed: 'failed', ...('answers' in change ? change.answers : {}) } })
    await go()
    expect(wall.said).toContain(said)
    expect(outcomeOf(session.kept, b1)).toMatchObject({ outcome: 'fail', note: 'a note' })
  })

  it('leaves no alarm of a test standing, whatever else goes wrong', async () => {
    wall.acts.release = 'skip'
    wall.answers.failed = 'failed'
    await go()
    expect(wall.commands.at(-1)).toBe('reset')
    expect(wall.said).toContain('release skip NOT_TRIED')
  })

  it('skips what passed, goes on where it stopped, and does again what was changed since', async () => {
    await go()
    session = await open()
    expect(session.isNew).toBe(false)
    wall.said.length = 0
    await go(devices)
    expect(wall.said.filter((one) => one.startsWith('gw-1/'))).toEqual(['gw-1/b2'])
    const moved = { ...b1, device: { ...b1.device, contactPin: 9 } }
    expect(outcomeOf(session.kept, moved)).toBeUndefined()
    wall.said.length = 0
    await go([moved])
    expect(wall.said).toContain('gw-1/b1')
    session = await open(true)
    expect(session.isNew).toBe(true)
  })

  it('knows an alarm of its own after a power cut', async () => {
    await session.begin('gw-1/b1')
    await session.checked('gw-1/b1', [{ check: 'press', outcome: 'pass', at: '2026-11-30T08:00:00.000Z' }])
    session = await open()
    wall.state = { alarm: true }
    const stand = wall.stand.command
    wall.stand.command = async (name, args) => {
      if (name === 'reset') wall.state = { alarm: false }
      return stand(name, args)
    }
    await go()
    expect(outcomeOf(session.kept, b1)?.outcome).toBe('pass')
  })

  it('tells the clocks apart as far as it can', () => {
    expect(clockDifference({ sent_ms: 1_000, gateway_ms: 1_030, received_ms: 1_040 })).toEqual({
      ahead_ms: 10,
      uncertainty_ms: 21,
    })
  })
})
