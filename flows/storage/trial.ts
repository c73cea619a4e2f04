import type { SiteEdits } from './units.ts'
import type { Versions } from './versions.ts'

/**
 * A deploy is on trial until it has run for a while without a loss of this process. One that is lost twice before that is left
 * for the last good version, which becomes the newest: nothing is deleted, and staff can compare.
 */
export interface Trial {
  /** What to start with; counts the loss before this start against the newest version. */
  begin(afterLoss: boolean): Promise<SiteEdits | undefined>
  /** This version runs from now on. */
  watch(version: number): void
  fellBack(): FellBack | undefined
}

/** 0: the shipped flows. */
export interface FellBack {
  from: number
  to: number
  /** Who deployed what was left. */
  user: string
}

/** Losses of this process that a deploy on trial may cost. */
const LOSSES_MAX = 2
/** ms of running after which it is good; the hub forgets losses after as long. */
export const GOOD_AFTER_MS = 60_000
/** Who saves it when nobody did. */
const NOBODY = 'linli'

export function createTrial(versions: Versions): Trial {
  let timer: ReturnType<typeof setTimeout> | undefined
  let fellBack: FellBack | undefined

  function watch(version: number): void {
    clearTimeout(timer)
    // A disk that refuses leaves it on trial; the next start watches it again.
    timer = setTimeout(() => void versions.keepStanding({ good: version }).catch(() => {}), GOOD_AFTER_MS)
    timer.unref()
  }

  /** @returns the last good edits, saved as the newest version */
  async function fallBack(from: { number: number; edits: SiteEdits }, good: number): Promise<SiteEdits> {
    const known = await versions.read(good)
    const shipped: SiteEdits = { ...from.edits, order: [], units: [], removed: [] }
    const edits = { ...(known ?? shipped), saved_at: new Date().toISOString(), user: NOBODY }
    await versions.keepStanding({ good: await versions.save(edits) })
    fellBack = { from: from.number, to: known ? good : 0, user: from.edits.user }
    return edits
  }

  return {
    async begin(afterLoss) {
      const newest = await versions.latest()
      if (!newest) return undefined
      const { good, trial } = await versions.standing()
      if (newest.number === good) return newest.edits
      const before = trial?.version === newest.number ? trial.losses : 0
      const losses = before + (afterLoss ? 1 : 0)
      if (losses >= LOSSES_MAX) return fallBack(newest, good)
      if (losses > before) await versions.keepStanding({ good, trial: { version: newest.number, losses } })
      watch(newest.number)
      return newest.edits
    },
    watch,
    fellBack: () => fellBack,
  }
}
