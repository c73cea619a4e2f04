import { readFileSync } from 'node:fs'
import packageFile from '../../../package.json' with { type: 'json' }
import { asyncApiDocument } from './asyncapi.ts'
import { indexPage } from './index-page.ts'
import { readProse } from './prose.ts'
import { publishedSchemas } from './published-schemas.ts'

/** Everything that is published, by path below that folder. */
export function publishedFiles(): Map<string, string> {
  const prose = readProse(readFileSync(new URL('../README.md', import.meta.url), 'utf8'))
  const files = new Map<string, string>()
  files.set('asyncapi.json', text(asyncApiDocument(packageFile.version, prose)))
  for (const { name, schema } of new Set(publishedSchemas(prose).values())) {
    const head = { $schema: 'http://json-schema.org/draft-07/schema#', $id: `urn:linli:v1:${name}` }
    files.set(`schemas/${name}.json`, text({ ...head, ...schema }))
  }
  files.set('index.html', indexPage(packageFile.version, prose))
  return files
}

function text(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
