import { mkdirSync, writeFileSync } from 'node:fs'
import packageFile from '../../package.json' with { type: 'json' }
import { publishedText } from '../support/published.ts'
import { drawSamples, RELEASED } from '../support/released.ts'

/**
 * `npm run contract:release`: keeps the contract as it is now under its version, for all later ones to be held against.
 * Once a version has been given to anybody its folder never changes again.
 */

const folder = new URL(`${packageFile.version}/`, RELEASED)
const samples = drawSamples()
mkdirSync(folder, { recursive: true })
writeFileSync(new URL('asyncapi.json', folder), publishedText('asyncapi.json'))
writeFileSync(new URL('samples.ndjson', folder), samples.map((sample) => `${JSON.stringify(sample)}\n`).join(''))
process.stdout.write(`hub/contract/released/${packageFile.version}: ${samples.length} messages\n`)
