import { writeFileSync } from 'node:fs'
import { apiDocument } from './routes.ts'

/** `npm run openapi`: the document that is checked in, for those who have no hub at hand. */
writeFileSync(new URL('openapi.json', import.meta.url), `${JSON.stringify(apiDocument(), null, 2)}\n`)
