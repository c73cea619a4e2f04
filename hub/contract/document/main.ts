import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { PUBLISHED } from '../published.ts'
import { publishedFiles } from './files.ts'

/** `npm run contract`: writes what is published anew from the schemas and the page. */

rmSync(PUBLISHED, { recursive: true, force: true })
mkdirSync(new URL('schemas/', PUBLISHED), { recursive: true })
const files = publishedFiles()
for (const [path, content] of files) writeFileSync(new URL(path, PUBLISHED), content)
process.stdout.write(`hub/contract/published: ${files.size} files\n`)
