import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { PageFile, PagesTask } from './compile.ts'
import { keptOr } from './kept.ts'

/** The pages as they are sent: compiled, and compressed once. */

export interface Served {
  type: string
  etag: string
  plain: Uint8Array
  br: Uint8Array
  gzip: Uint8Array
}

export const PAGES_BASE = '/desk/'
export const PAGES_FOLDER = fileURLToPath(new URL('../../../flows/pages/', import.meta.url))
const BROTLI_QUALITY = 9
/** Beside the pages, what the compiled ones depend on: who compiles, and what they import. */
const COMPILER = ['./compile.ts', './served.ts'].map((file) => fileURLToPath(new URL(file, import.meta.url)))
const CONTRACT = fileURLToPath(new URL('../../contract/', import.meta.url))
const PACKAGES = ['vue/package.json', 'uplot/package.json'].map((file) => fileURLToPath(import.meta.resolve(file)))

/** @param keepIn where compiled pages are kept between starts, beside the sources that Node keeps compiled */
export async function servedPages(
  folder = PAGES_FOLDER,
  keepIn = process.env.NODE_COMPILE_CACHE,
): Promise<Map<string, Served>> {
  return keptOr(keepIn, 'pages', await keyOf(folder), async () => {
    const files = await compiled({ folder })
    return new Map(
      await Promise.all(files.map(async (file): Promise<[string, Served]> => [file.path, await served(file)])),
    )
  })
}

async function keyOf(folder: string): Promise<string> {
  const pages = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
  const contract = (await readdir(CONTRACT)).filter((name) => name.endsWith('.ts')).map((name) => join(CONTRACT, name))
  const hash = createHash('sha256').update(process.version)
  for (const file of [...pages.sort(), ...contract.sort(), ...COMPILER, ...PACKAGES]) {
    const bytes = await readFile(file)
    hash.update(`\n${file} ${bytes.length}\n`).update(bytes)
  }
  return hash.digest('hex').slice(0, 32)
}

async function served({ type, body }: PageFile): Promise<Served> {
  const [br, gz] = await Promise.all([
    promisify(brotliCompress)(body, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } }),
    promisify(gzip)(body),
  ])
  return {
    type,
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 20)}"`,
    plain: body,
    br,
    gzip: gz,
  }
}

function compiled(task: PagesTask): Promise<PageFile[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./compile.ts', import.meta.url), {
      workerData: task,
      // Node says of `stripTypeScriptTypes` that it may still change; the version of Node is pinned.
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`the compiler ended with ${code}`)))
  })
}
