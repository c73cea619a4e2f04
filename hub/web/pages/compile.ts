import { readdir, readFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { join, posix, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'
import * as vue from 'vue'
import { compileScript, parse } from 'vue/compiler-sfc'

/**
 * The pages of `flows/pages` as a browser takes them: components compiled, types stripped. A thread of its own, which ends
 * when it is done: the compiler takes a second and 30 MB that the hub needs for other things.
 */

export interface PageFile {
  /** Below the place where pages are served. */
  path: string
  type: string
  body: Uint8Array
}

export interface PagesTask {
  /** Folder of the pages. */
  folder: string
}

/** Below it the pages are served once more, as widgets of FlowFuse Dashboard take them. */
const IN_DASHBOARD = 'in-dashboard/'
const JAVASCRIPT = 'text/javascript; charset=utf-8'
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
}
/** What pages take from packages, by the name that they import it by. */
const PACKAGES: Readonly<Record<string, string>> = {
  vue: 'vue/dist/vue.runtime.esm-browser.prod.js',
  uplot: 'uplot/dist/uPlot.esm.js',
}
/** The stylesheet of the pages; what the components say of themselves is joined to it. */
const STYLES = 'desk.css'
const CONTRACT = fileURLToPath(new URL('../../contract/', import.meta.url))

if (parentPort) parentPort.postMessage(await compilePages(workerData as PagesTask))

async function compilePages({ folder }: PagesTask): Promise<PageFile[]> {
  const names = (await readdir(folder, { recursive: true })).map((name) => name.split(sep).join('/')).sort()
  const files: PageFile[] = []
  const styles: string[] = []
  const contract = new Set<string>()
  const script = (path: string, text: string) => {
    const code = pointed(stripTypeScriptTypes(text), path, contract)
    files.push({ path, type: JAVASCRIPT, body: Buffer.from(code) })
  }
  for (const path of names) {
    const kind = posix.extname(path)
    if (path.endsWith('.test.ts') || path.endsWith('.d.ts')) continue
    if (kind === '.vue') {
      const { code, style } = component(path, await readFile(join(folder, path), 'utf8'))
      styles.push(style)
      script(path, code)
    } else if (kind === '.ts') script(path, await readFile(join(folder, path), 'utf8'))
    else if (TYPES[kind]) files.push({ path, type: TYPES[kind], body: await readFile(join(folder, path)) })
  }
  for (const path of contract) script(`contract/${path}`, await readFile(join(CONTRACT, path), 'utf8'))
  for (const [name, file] of Object.entries(PACKAGES))
    files.push({ path: `vendor/${name}.js`, type: JAVASCRIPT, body: await readFile(packaged(file)) })
  files.push({ path: `${IN_DASHBOARD}vendor/vue.js`, type: JAVASCRIPT, body: Buffer.from(borrowedVue()) })
  const css = files.find(({ path }) => path === STYLES)
  const chart = await readFile(packaged('uplot/dist/uPlot.min.css'))
  if (css) css.body = Buffer.concat([chart, css.body, Buffer.from(styles.join('\n'))])
  return files
}

function component(path: string, text: string): { code: string; style: string } {
  const { descriptor, errors } = parse(text, { filename: path })
  const [error] = errors
  if (error) throw new Error(`${path}: ${error.message}`)
  const { content } = compileScript(descriptor, { id: path, inlineTemplate: true, isProd: true })
  return { code: content, style: descriptor.styles.map((one) => one.content).join('\n') }
}

/**
 * FlowFuse Dashboard lends its own Vue to the widgets of others. What a page imports from there is the same file for both, and
 * only this one is another.
 */
function borrowedVue(): string {
  const names = Object.keys(vue).filter((name) => /^\w+$/.test(name) && name !== 'default')
  return `export const { ${names.join(', ')} } = window.Vue\n`
}

/** Imports of packages and of the contract, pointed to where the hub serves them beside the pages. */
function pointed(code: string, path: string, contract: Set<string>): string {
  const beside = (file: string) => posix.relative(posix.dirname(path), file).replace(/^(?!\.)/, './')
  return code.replace(
    /(\bfrom\s*|\bimport\s*\(?\s*)(['"])([^'"\n]+)\2/g,
    (whole, before: string, quote: string, specifier: string) => {
      if (PACKAGES[specifier]) return `${before}${quote}${beside(`vendor/${specifier}.js`)}${quote}`
      const inContract = /^(?:\.\.\/)+hub\/contract\/([a-z-]+\.ts)$/.exec(specifier)?.[1]
      if (inContract === undefined) return whole
      contract.add(inContract)
      return `${before}${quote}${beside(`contract/${inContract}`)}${quote}`
    },
  )
}

function packaged(file: string): string {
  return fileURLToPath(import.meta.resolve(file))
}
