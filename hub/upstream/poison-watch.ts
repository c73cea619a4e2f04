import type { Entry } from '../journal/types.ts'
import {
  createPoisonState,
  mayGo,
  type Place,
  type PoisonConfig,
  type PoisonEffect,
  type PoisonInput,
  stepPoison,
} from './poison-machine.ts'

/** The shell of the search for poison: it owns the clock and performs what the machine wants. */
export interface PoisonWatch {
  up(): void
  down(reason: string): void
  sent(place: Place): void
  acknowledged(place: Place): void
  mayGo(entry: Entry): boolean
  /** Nothing is in doubt. */
  isCalm(): boolean
  close(): void
}

const TICK_MS = 1_000

export function createPoisonWatch(
  deps: {
    /** Sends a message of our own that every broker takes; resolves when it is acknowledged. */
    ask: () => Promise<void>
    drop: (reason: string) => void
    /** Resolves when it is among the dead letters. */
    bury: (place: Place, why: { tries: number; reason: string }) => Promise<void>
    /** What had to wait may go now. */
    poke: () => void
    onError: (error: unknown) => void
  },
  config: PoisonConfig,
): PoisonWatch {
  const state = createPoisonState()
  let ticker: ReturnType<typeof setInterval> | undefined

  function feed(input: PoisonInput): void {
    for (const effect of stepPoison(config, state, input, performance.now())) perform(effect)
  }

  function perform(effect: PoisonEffect): void {
    if (effect.type === 'ask') ask()
    else if (effect.type === 'drop') deps.drop(effect.reason)
    else if (effect.type === 'poke') deps.poke()
    else bury(effect)
  }

  function ask(): void {
    const asked_ms = performance.now()
    deps.ask().then(() => feed({ type: 'answered', asked_ms }), deps.onError)
  }

  function bury({ lane, position, tries, reason }: PoisonEffect & { type: 'bury' }): void {
    deps.bury({ lane, position }, { tries, reason }).then(
      () => feed({ type: 'buried', lane, position }),
      (error: unknown) => {
        deps.onError(error)
        feed({ type: 'not-buried', lane, position })
      },
    )
  }

  return {
    up() {
      feed({ type: 'up' })
      ask()
      clearInterval(ticker)
      ticker = setInterval(() => feed({ type: 'tick' }), TICK_MS)
    },
    down(reason) {
      clearInterval(ticker)
      feed({ type: 'down', reason })
    },
    sent: ({ lane, position }) => feed({ type: 'sent', lane, position }),
    acknowledged: ({ lane, position }) => feed({ type: 'acknowledged', lane, position }),
    mayGo: (entry) => mayGo(config, state, entry, performance.now()),
    isCalm: () => state.doubtful.size === 0,
    close: () => clearInterval(ticker),
  }
}
