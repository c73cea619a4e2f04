import type { SiteEdits } from './units.ts'
import type { FellBack, Standing, Versions } from './versions.ts'

/**
 * A deploy is on trial until it has run for a while without a loss of this process. One that is lost twice before that is left
 * for the last good version, which becomes the newest: nothing is deleted, and staff can compare. That it was left is kept
 * until a deploy of theirs is good.
 */
export interface Trial {
  /**
   * What to run.
   * @param lost how the process before this one was, which counts against the newest version
   */
  begin(lost?: string): Promise<SiteEdits | undefined>
  /** This version runs from now on. */
  watch(version: number): void
  /** Since the last `begin`; undefined when nothing was left, or something good was deployed since. */
  fellBack(): FellBack | undefined
  /** The hub has it in its journal that the newest version was left. */
  told(): Promise<void>
}

/** Losses of this process that a deploy on trial may cost. */
const LOSSES_MAX = 2
/** ms of running after which it is good; the hub forgets losses after as long. */
export const GOOD_AFTER_MS = 60_000
/** Who saves it when nobody did. */
const NOBODY = 'linli'

/** @param onGood a deploy is good from now on */
export function createTrial(versions: Versions, onGood: () => void): Trial {
  let timer: ReturnType<typeof setTimeout> | undefined
  let fellBack: FellBack | undefined

  function watch(version: number): void {
    clearTimeout(timer)
    timer = setTimeout(() => void passed(version), GOOD_AFTER_MS)
    timer.unref()
  }

  async function passed(version: number): Promise<void> {
    try {
      await versions.keepStanding({ good: version })
      fellBack = undefined
      onGood()
    } catch {
      // A disk that refuses leaves it on trial; the next start watches it again.
    }
  }

  /** @returns the last good edits, saved as the newest version */
  async function fallBack(from: { number: number; edits: SiteEdits }, good: number, cause: string): Promise<SiteEdits> {
    const known = await versions.read(good)
    const shipped: SiteEdits = { ...from.edits, order: [], units: [], removed: [] }
    const at = new Date().toISOString()
    const edits = { ...(known ?? shipped), saved_at: at, user: NOBODY }
    const left = { from: from.number, to: known ? good : 0, user: from.edits.user, cause, at, told: false }
    await versions.keepStanding({ good: await versions.save(edits), fell_back: left })
    fellBack = left
    return edits
  }

  return {
    async begin(lost) {
      const newest = await versions.latest()
      if (!newest) return undefined
      const standing = await versions.standing()
      fellBack = standing.fell_back
      const { good, trial } = standing
      if (newest.number === good) return newest.edits
      const before = trial?.version === newest.number ? trial.losses : 0
      const losses = before + (lost === undefined ? 0 : 1)
      if (lost !== undefined && losses >= LOSSES_MAX) return fallBack(newest, good, lost)
      const counted: Standing = { ...standing, trial: { version: newest.number, losses } }
      if (losses > before) await versions.keepStanding(counted)
      watch(newest.number)
      return newest.edits
    },
    watch,
    fellBack: () => fellBack,
    async told() {
      if (!fellBack) return
      fellBack = { ...fellBack, told: true }
      await versions.keepStanding({ ...(await versions.standing()), fell_back: fellBack })
    },
  }
}
