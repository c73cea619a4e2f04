import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AccessGateState } from '../../../../hub/contract/access-gate.ts'
import { DoorBench } from '../proof/door-bench.ts'

const names = (bench: DoorBench) => bench.events().map(({ event }) => event)

describe('a door', () => {
  it('opens for a granted card, tells the passage when the door opens, and locks behind', () => {
    const bench = new DoorBench().begin()
    bench.decide({ credential: 'k1' })
    expect(bench.outputs.strike).toBe(true)
    bench.pass(1500)
    bench.set({ contact: false })
    expect(bench.outputs.strike).toBe(false)
    bench.pass(2000)
    bench.set({ contact: true })
    expect(bench.events()).toEqual([
      { event: 'passage', data: { direction: 'in', granted: true, by: 'card', credential: 'k1' } },
    ])
    expect(bench.shown).toMatchObject({ position: 'closed', lock: 'locked', alarm: 'none' })
  })

  it('locks again when nobody comes, and says so', () => {
    const bench = new DoorBench().begin()
    bench.decide({ credential: 'k1' })
    bench.pass(5000)
    expect(bench.outputs.strike).toBe(false)
    expect(bench.events()).toEqual([{ event: 'unused', data: { direction: 'in', by: 'card', credential: 'k1' } }])
  })

  it('lets the next one through an open door without a second opening', () => {
    const bench = new DoorBench().begin()
    bench.decide({ credential: 'k1' })
    bench.set({ contact: false })
    bench.decide({ credential: 'k2' })
    bench.pass(1000)
    bench.set({ contact: true })
    expect(bench.events().map(({ data }) => data.credential)).toEqual(['k1', 'k2'])
    expect(bench.outputs.strike).toBe(false)
  })

  it('holds a magnet only while it is locked', () => {
    const bench = new DoorBench({ strike: 'fail-safe' })
    expect(bench.outputs).toEqual({})
    bench.begin()
    expect(bench.outputs.strike).toBe(true)
    bench.decide()
    expect(bench.outputs.strike).toBe(false)
    bench.walk()
    expect(bench.outputs.strike).toBe(true)
    bench.command('release-all')
    expect(bench.outputs.strike).toBe(false)
  })

  it.each<[mode: string, by: 'card' | 'card-and-pin', emergency: boolean, reason: string | undefined]>([
    ['locked', 'card', false, 'mode-locked'],
    ['locked', 'card', true, undefined],
    ['card', 'card', false, undefined],
    ['card-and-pin', 'card', false, 'pin-missing'],
    ['card-and-pin', 'card-and-pin', false, undefined],
    ['lockdown', 'card-and-pin', false, 'mode-lockdown'],
    ['lockdown', 'card', true, undefined],
    ['free', 'card', false, undefined],
  ])('in mode %s a %s (emergency %s) gets %s', (mode, by, emergency, reason) => {
    const bench = new DoorBench().begin()
    bench.command('set-mode', { mode })
    bench.events()
    bench.decide({ by, emergency })
    expect(bench.events().map(({ data }) => data.reason)).toEqual(reason === undefined ? [] : [reason])
    expect(bench.shown.lock).toBe(reason === undefined ? 'unlocked' : 'locked')
  })

  it('lets people out in every mode', () => {
    for (const mode of ['locked', 'card', 'card-and-pin', 'free', 'lockdown', 'evacuate']) {
      const bench = new DoorBench().begin()
      bench.command('set-mode', { mode })
      bench.events()
      bench.set({ rex: true })
      expect(bench.outputs.strike).toBe(true)
      bench.set({ rex: false })
      bench.walk()
      expect(bench.events()).toEqual([{ event: 'passage', data: { direction: 'out', granted: true, by: 'request' } }])
    }
  })

  it('alarms when it is opened without any right', () => {
    const bench = new DoorBench().begin()
    bench.set({ contact: false })
    expect(bench.shown.alarm).toBe('forced')
    bench.pass(3000)
    bench.set({ contact: true })
    expect(bench.events()).toEqual([
      { event: 'forced', data: { atstart: false } },
      { event: 'forced-cleared', data: { lasted_ms: 3000 } },
    ])
    expect(bench.shown.alarm).toBe('none')
  })

  it('tells a door that was forced while nobody watched', () => {
    const bench = new DoorBench().begin()
    bench.lose()
    bench.begin(false)
    expect(bench.events()).toEqual([{ event: 'forced', data: { atstart: true } }])
    const kept = { ...new DoorBench().begin().shown, position: 'closed' } as AccessGateState
    const after = new DoorBench({}, kept).begin(false)
    expect(after.events()).toEqual([{ event: 'forced', data: { atstart: true } }])
  })

  it('warns of a door that is held open before it alarms', () => {
    const bench = new DoorBench().begin()
    bench.decide()
    bench.set({ contact: false })
    bench.events()
    bench.pass(19_999)
    expect(names(bench)).toEqual([])
    bench.pass(1)
    expect(bench.shown.alarm).toBe('held-open-warning')
    bench.pass(10_000)
    expect(bench.shown.alarm).toBe('held-open')
    bench.set({ contact: true })
    expect(bench.events()).toEqual([
      { event: 'held-open-warning', data: { open_ms: 20_000 } },
      { event: 'held-open', data: { open_ms: 30_000 } },
      { event: 'held-open-cleared', data: { open_ms: 30_000 } },
    ])
  })

  it('may stand open while it is free or held, and is watched again afterwards', () => {
    const bench = new DoorBench().begin()
    bench.command('unlock')
    bench.set({ contact: false })
    bench.pass(120_000)
    expect(names(bench)).toEqual(['mode-changed', 'passage'])
    bench.command('set-mode', { mode: 'schedule' })
    bench.pass(20_000)
    expect(names(bench)).toEqual(['mode-changed', 'held-open-warning'])
    bench.command('hold-open', { for_ms: 60_000 })
    expect(names(bench)).toEqual(['held-open-cleared'])
    bench.pass(80_000)
    expect(names(bench)).toEqual(['held-open-warning'])
  })

  it('tells duress and opens as if nothing were', () => {
    const bench = new DoorBench().begin()
    bench.decide({ duress: true, credential: 'k9' })
    expect(bench.effects.find((effect) => effect.type === 'event')).toMatchObject({
      event: 'duress',
      severity: 'alarm',
    })
    expect(bench.outputs.strike).toBe(true)
  })

  it('tells tampering once, and its end', () => {
    const bench = new DoorBench().begin()
    bench.set({ enclosure: true })
    bench.send({ type: 'tamper', part: 'reader-in', reason: 'wrong-key' })
    bench.send({ type: 'tamper', part: 'reader-in', reason: 'wrong-key' })
    expect(bench.shown.tamper).toEqual(['enclosure', 'reader-in'])
    bench.pass(1000)
    bench.set({ enclosure: false })
    expect(bench.events()).toEqual([
      { event: 'tamper', data: { part: 'enclosure', reason: 'opened' } },
      { event: 'tamper', data: { part: 'reader-in', reason: 'wrong-key' } },
      { event: 'tamper-cleared', data: { part: 'enclosure', lasted_ms: 1000 } },
    ])
  })

  it('never shows a door as closed whose contact it cannot read', () => {
    const bench = new DoorBench().begin()
    delete bench.levels.contact
    bench.pass(2500)
    expect(bench.shown).toMatchObject({ position: 'unknown', faults: ['position-unknown'] })
    bench.set({ contact: true })
    expect(bench.shown).toMatchObject({ position: 'closed', faults: [] })
    expect(names(bench)).toEqual(['fault', 'fault-cleared'])
  })
})

describe('commands to a door', () => {
  it('act, or are refused with the reason', () => {
    const bench = new DoorBench().begin()
    const result = (name: string, args = {}, expires_in_ms?: number) =>
      bench.outcomes(bench.command(name, args, expires_in_ms))
    expect(result('open', {}, 0)).toEqual(['expired COMMAND_EXPIRED'])
    expect(bench.outputs).toEqual({})
    expect(result('open', { direction: 'in' }, 1000)).toEqual(['succeeded'])
    expect(bench.outputs.strike).toBe(true)
    expect(result('close')).toEqual(['succeeded'])
    expect(bench.outputs.strike).toBe(false)
    expect(result('set-mode', { mode: 'tidal' })).toEqual(['refused GATE_MODE_UNKNOWN'])
    expect(result('unlock')).toEqual(['succeeded'])
    expect(result('close')).toEqual(['refused GATE_MODE_FORBIDS'])
    expect(result('set-mode', { mode: 'lockdown' })).toEqual(['succeeded'])
    expect([result('open'), result('hold-open'), result('unlock')].flat()).toEqual(
      Array.from({ length: 3 }, () => 'refused GATE_LOCKED_DOWN'),
    )
    expect(result('release-all')).toEqual(['succeeded'])
    expect([result('lock'), result('close')].flat()).toEqual(['refused GATE_EVACUATING', 'refused GATE_EVACUATING'])
    expect(result('dance')).toEqual(['refused COMMAND_UNKNOWN'])
    bench.lose()
    expect([result('open'), result('close')].flat()).toEqual(['failed GATE_OFFLINE', 'refused GATE_EVACUATING'])
  })

  it('give a mode for a time', () => {
    const bench = new DoorBench().begin()
    bench.command('set-mode', { mode: 'free', for_ms: 60_000 })
    expect(bench.shown).toMatchObject({ mode: 'free', modeby: 'command', modeuntil: '2026-11-23T08:01:00.000Z' })
    bench.pass(60_000)
    expect(bench.shown).toMatchObject({ mode: 'card', modeby: 'schedule', lock: 'locked' })
  })
})

describe('an evacuation', () => {
  it('outlives restart and reconnect, and ends only by name', () => {
    const bench = new DoorBench().begin()
    bench.command('release-all')
    const after = new DoorBench({}, JSON.parse(JSON.stringify(bench.shown)) as AccessGateState)
    expect(after.outputs).toEqual({})
    after.begin()
    expect(after.outputs.strike).toBe(true)
    after.lose()
    after.begin()
    expect(after.outputs.strike).toBe(true)
    expect(after.outcomes(after.command('set-mode', { mode: 'card' }))).toEqual(['refused GATE_EVACUATING'])
    expect(after.outcomes(after.command('set-mode', { mode: 'card', endevacuation: true }))).toEqual(['succeeded'])
    expect(after.outputs.strike).toBe(false)
  })

  it('is begun by the fire panel, and by a cable to it that is cut', () => {
    const bench = new DoorBench().begin()
    bench.set({ release: true })
    expect(bench.shown).toMatchObject({ mode: 'evacuate', modeby: 'evacuation', lock: 'unlocked' })
  })
})

describe('a door of any history', () => {
  const happenings = fc.oneof(
    fc
      .tuple(fc.constantFrom('contact', 'rex', 'release', 'enclosure'), fc.constantFrom(true, false, undefined))
      .map(([name, level]) => ({ levels: { [name]: level } })),
    fc.constantFrom('lost' as const, 'ready' as const, 'grant' as const),
    fc
      .constantFrom('open', 'close', 'hold-open', 'lock', 'unlock', 'release-all', 'reset', 'lockdown', 'end')
      .map((name) => ({ name })),
    fc.integer({ min: 0, max: 30_000 }).map((for_ms) => ({ for_ms })),
  )

  it('answers each command once, unlocks only for a reason, and never holds an output without its hardware', () => {
    const seen = { unlocked: 0 }
    fc.assert(
      fc.property(fc.array(happenings, { minLength: 20, maxLength: 80, size: 'max' }), (story) => {
        const bench = new DoorBench().begin()
        for (const one of story) {
          if (one === 'lost') bench.lose()
          else if (one === 'ready') bench.ready({ contact: true, rex: false })
          else if (one === 'grant') bench.decide()
          else if ('levels' in one) bench.set(one.levels)
          else if ('for_ms' in one) bench.pass(one.for_ms)
          else {
            const modes: Record<string, object> = {
              lockdown: { mode: 'lockdown' },
              end: { mode: 'card', endevacuation: true },
            }
            const id = bench.command(modes[one.name] ? 'set-mode' : one.name, modes[one.name] ?? {})
            expect(bench.outcomes(id)).toHaveLength(1)
          }
          const { ioFault, grant, hold } = bench.state
          const { mode, lock, position } = bench.shown
          const reason = grant !== undefined || hold !== undefined || mode === 'free' || mode === 'evacuate'
          if (ioFault !== undefined) expect(bench.outputs.strike ?? false).toBe(false)
          else expect(bench.outputs.strike ?? false).toBe(lock === 'unlocked')
          if (lock === 'unlocked') expect(reason).toBe(true)
          if (mode === 'evacuate' && ioFault === undefined) expect(lock).toBe('unlocked')
          if (position === 'closed') expect(bench.levels.contact).toBe(true)
          if (lock === 'unlocked') seen.unlocked++
        }
      }),
      { numRuns: 300 },
    )
    expect(seen.unlocked).toBeGreaterThan(500)
  }, 60_000)
})

describe('a month of a door’s schedule', () => {
  const schedule = {
    timeZone: 'Europe/Berlin',
    holidays: ['2026-10-26'],
    rules: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri'] as const, from: '08:00', to: '18:00', mode: 'free' as const }],
    otherwise: { mode: 'card' as const },
  }

  it('unlocks at eight by the wall of that day, over the end of summer time', () => {
    const bench = new DoorBench({ schedule, inputs: [] }, undefined, Date.parse('2026-10-01T00:00:00Z'))
    bench.send({ type: 'io-ready' })
    const changes: string[] = []
    const end_ms = 31 * 86_400_000
    // Deadline by deadline: nothing else happens in this month.
    while (bench.now_ms < end_ms) {
      bench.now_ms = Math.min(end_ms, bench.state.mode.checkAt_ms ?? end_ms)
      bench.send({ type: 'tick' })
      for (const { event, data } of bench.events())
        if (event === 'mode-changed')
          changes.push(`${new Date(bench.now.wall_ms).toISOString().slice(5, 16)} ${data.mode}`)
    }
    // 22 weekdays in October 2026, of which the 26th is a holiday; summer time ends on the 25th.
    expect(changes).toHaveLength(2 * 21)
    expect(changes.filter((change) => change.includes('10-23'))).toEqual(['10-23T06:00 free', '10-23T16:00 card'])
    expect(changes.filter((change) => change.includes('10-26'))).toEqual([])
    expect(changes.filter((change) => change.includes('10-27'))).toEqual(['10-27T07:00 free', '10-27T17:00 card'])
  })
})
