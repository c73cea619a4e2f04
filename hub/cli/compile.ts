import { globSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { servedPages } from '../web/pages/served.ts'

/**
 * Run by linli.js before a program that stays: `compile.ts ENTRY` loads its sources and those of the hub's threads, which
 * keeps them compiled; for a hub its pages too.
 */

const [entry = ''] = process.argv.slice(2)
const hub = fileURLToPath(new URL('../', import.meta.url))
// Loaded when first asked for: compiled then, it would stay a few MB larger.
await import('../web/metrics-page.ts')
for (const thread of globSync(`${hub}**/{worker,in-thread}.ts`)) {
  // It says that it runs only as a thread; by then it is compiled.
  await import(thread).catch(() => undefined)
}
if (entry.endsWith('hub/main.ts')) await servedPages().catch(() => undefined)
process.argv.splice(1, Number.POSITIVE_INFINITY, entry, '--help')
await import(entry)
