import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import FakeTimers from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createTrial, GOOD_AFTER_MS } from './trial.ts'
import type { SiteEdits } from './units.ts'
import { createVersions, VERSIONS_MAX, type Versions } from './versions.ts'

let folder: string
let versions: Versions
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'linli-trial-'))
  versions = createVersions(folder, () => {})
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const edits = (label: string): SiteEdits => ({
  ...{ format: 1, saved_at: '2026-11-23T00:00:00.000Z', user: 'wang', order: [label], removed: [] },
  units: [{ id: label, base: null, nodes: [{ id: label, type: 'tab', label }] }],
})
const labels = (found: SiteEdits | undefined) => found?.units.map(({ id }) => id)

/** A process that starts, as the one after a loss or not. */
async function start(afterLoss: boolean) {
  const trial = createTrial(versions, () => {})
  return { running: labels(await trial.begin(afterLoss ? 'crash' : undefined)), fellBack: trial.fellBack() }
}

describe('a deploy on trial', () => {
  it('is left after two losses for the last good one, and is still there', async () => {
    await versions.keepStanding({ good: await versions.save(edits('good')) })
    await versions.save(edits('bad'))
    expect(await start(true)).toEqual({ running: ['bad'], fellBack: undefined })
    const fellBack = { from: 2, to: 1, user: 'wang', cause: 'crash', at: expect.any(String), told: false }
    expect(await start(true)).toEqual({ running: ['good'], fellBack })
    // The good one is not left, however often the process is lost for another reason.
    for (let loss = 0; loss < 3; loss += 1) expect(await start(true)).toEqual({ running: ['good'], fellBack })
    expect(labels(await versions.read(2))).toEqual(['bad'])
  })

  it('is left for the shipped flows where nothing else was ever good', async () => {
    await versions.save(edits('bad'))
    await start(true)
    expect(await start(true)).toMatchObject({ running: [], fellBack: { from: 1, to: 0, user: 'wang' } })
  })

  it('pays only for losses of its own, and for no restart that was asked for', async () => {
    await versions.save(edits('first'))
    await start(true)
    await versions.save(edits('second'))
    for (const afterLoss of [false, true, false]) expect((await start(afterLoss)).running).toEqual(['second'])
    expect((await start(true)).fellBack).toMatchObject({ from: 2, to: 0 })
  })

  it('is good after a while of running, from the deploy on', async () => {
    const clock = FakeTimers.install({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const trial = createTrial(versions, () => {})
      trial.watch(await versions.save(edits('one')))
      clock.tick(GOOD_AFTER_MS - 1)
      trial.watch(await versions.save(edits('two')))
      clock.tick(GOOD_AFTER_MS - 1)
      expect(await versions.standing()).toEqual({ good: 0 })
      clock.tick(1)
    } finally {
      clock.uninstall()
    }
    await vi.waitFor(async () => expect(await versions.standing()).toEqual({ good: 2 }))
  })

  it('that was left is remembered, also that it was told, until a deploy after it is good', async () => {
    await versions.save(edits('bad'))
    await start(true)
    await start(true)
    const clock = FakeTimers.install({ toFake: ['setTimeout', 'clearTimeout'] })
    const good = vi.fn()
    const trial = createTrial(versions, good)
    try {
      await trial.begin()
      await trial.told()
      expect((await start(false)).fellBack).toMatchObject({ from: 1, told: true })
      trial.watch(await versions.save(edits('mended')))
      expect(trial.fellBack()).toMatchObject({ from: 1 })
      clock.tick(GOOD_AFTER_MS)
    } finally {
      clock.uninstall()
    }
    await vi.waitFor(() => expect(good).toHaveBeenCalledOnce())
    expect(trial.fellBack()).toBeUndefined()
    expect((await start(true)).fellBack).toBeUndefined()
  })

  it('never costs the good one its file', async () => {
    await versions.keepStanding({ good: await versions.save(edits('good')) })
    for (let n = 0; n < VERSIONS_MAX + 3; n += 1) await versions.save(edits(`v${n}`))
    expect(labels(await versions.read(1))).toEqual(['good'])
    expect(await versions.read(2)).toBeUndefined()
  })
})
