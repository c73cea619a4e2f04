import { createHash } from 'node:crypto'
import type { Place } from '../contract/meta.ts'

/** Which sensors stand together: those of one place, or, where nobody said the place, of one gateway. */

const NAME_MAX = 36

/** A name for topics: the place's own words where they are such, else with what tells it from others that look the same. */
export function placeName(place: Place | undefined, gateway: string): string {
  const words = [place?.building, place?.floor, place?.spot].filter((word) => word !== undefined && word !== '')
  if (words.length === 0) return gateway.slice(0, NAME_MAX)
  const text = words.join('-')
  if (/^[a-z0-9-]+$/.test(text) && text.length <= NAME_MAX && words.length === 1) return text
  const plain = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
  const mark = createHash('sha256').update(JSON.stringify(words)).digest('hex').slice(0, 8)
  return [plain.slice(0, NAME_MAX - 9).replace(/-$/, ''), mark].filter((part) => part !== '').join('-')
}
