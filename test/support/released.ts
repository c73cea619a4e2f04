import { existsSync, readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { messageKinds, type Sample } from './messages.ts'

/** What earlier versions of the contract were: their document, and messages of that time. One folder for each version. */

export const RELEASED = new URL('../../hub/contract/released/', import.meta.url)

export interface ReleasedSample {
  channel: string
  topic: string
  retain: boolean
  payload: Record<string, unknown>
}

export interface Release {
  version: string
  /** The text of its asyncapi.json. */
  document: string
  samples: ReleasedSample[]
}

export function releases(): Release[] {
  if (!existsSync(RELEASED)) return []
  return readdirSync(RELEASED)
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map((version) => {
      const read = (name: string) => readFileSync(new URL(`${version}/${name}`, RELEASED), 'utf8')
      const lines = read('samples.ndjson').split('\n').filter(Boolean)
      return {
        version,
        document: read('asyncapi.json'),
        samples: lines.map((line) => JSON.parse(line) as ReleasedSample),
      }
    })
}

/** Of each message the smallest and the largest of many, so that the samples have every optional field, and none. */
export function drawSamples(): ReleasedSample[] {
  return messageKinds.flatMap(({ id, samples }) => {
    const drawn = fc.sample(samples, { numRuns: 100, seed: 1 })
    const size = ({ body }: Sample) => JSON.stringify(body).length
    const sorted = drawn.sort((a, b) => size(a) - size(b))
    const chosen = [sorted[0], sorted.at(-1)].filter((one) => one !== undefined)
    return chosen.map(({ topicName, retain, body }) => ({ channel: id, topic: topicName, retain, payload: body }))
  })
}
