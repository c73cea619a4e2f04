import type { Place } from '../contract/meta.ts'
import type { Live } from './record.ts'
import type { StoryEntry } from './types.ts'

/** What cameras give to an incident: asked for by the effect `fetch-pictures`, and told by this. Nothing waits for it. */
export interface PictureInput {
  type: 'picture'
  incident: string
  camera: string
  when: 'before' | 'at' | 'after'
  /** Of the picture; absent when there is none. */
  sha256?: string
  /** When it was taken, epoch ms. */
  at: number
  /** Why there is none. */
  error?: string
}

/** Pictures are wanted of a place around a moment. */
export interface PicturesWanted {
  incident: string
  place: Place | undefined
  /** Of the alarm, epoch ms. */
  at: number
  /** After a restart: what the incident's story says of pictures already. */
  told?: readonly Pick<StoryEntry, 'camera' | 'when' | 'error'>[]
}

/** An incident that is older than this has all its pictures, or says why not. */
const SETTLED_MS = 3_600_000

/** Incidents whose pictures a hub may have been about to fetch when it ended. */
export function picturesUnderWay(all: Iterable<Live>, run_ms: number): PicturesWanted[] {
  return [...all].flatMap(({ incident: { id, source, place, raised }, story }) => {
    if (source !== 'event' || run_ms - raised.run_ms > SETTLED_MS) return []
    return [{ incident: id, place, at: raised.wall_ms, told: story.filter(({ what }) => what === 'picture') }]
  })
}
