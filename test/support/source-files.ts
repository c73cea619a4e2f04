import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { parseAst } from 'vitest/node'

/** Our sources as data, for the structure test: what each file imports and its syntax tree. */

/** A node of the ESTree (with TypeScript's additions) that oxc makes; `start` and `end` are offsets in the text. */
export interface Node {
  type: string
  start: number
  end: number
  [field: string]: unknown
}

export interface Import {
  /** As written, e.g. `node:fs` or `../topic.ts`. */
  specifier: string
  /** Path from the root of the repository when the specifier is relative. */
  target: string | undefined
  /** `import type`, `export type`, or `import('…').T`: gone when it runs. */
  typeOnly: boolean
  line: number
}

export interface SourceFile {
  /** From the root of the repository. */
  path: string
  text: string
  imports: Import[]
  /** Files that it names in a string, such as the entry of a process or worker it starts; from the root. */
  mentions: string[]
  nodes: Found[]
}

/** A node and the ones around it, innermost last. */
export interface Found {
  node: Node
  around: Node[]
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string'
}

/** The name of an identifier. */
export function nameOf(node: unknown): string | undefined {
  return isNode(node) && node.type === 'Identifier' ? String(node.name) : undefined
}

/** `process.exit` for the node of that expression. */
export function dotted(node: Node): string | undefined {
  if (node.type !== 'MemberExpression' || node.computed === true) return undefined
  return `${nameOf(node.object)}.${nameOf(node.property)}`
}

/** `it` for `it.concurrent.each(table)`. */
export function rootName(node: unknown): string | undefined {
  if (!isNode(node)) return undefined
  return nameOf(node) ?? rootName(node.type === 'CallExpression' ? node.callee : node.object)
}

/** Whether an identifier stands for a value, rather than naming a field. */
export function isUse({ node, around }: Found): boolean {
  const parent = around.at(-1)
  if (node.type !== 'Identifier' || parent === undefined) return false
  if (parent.computed === true || parent.shorthand === true) return true
  return parent.key !== node && !(parent.type === 'MemberExpression' && parent.property === node)
}

export function lineAt(file: Pick<SourceFile, 'text'>, offset: number): number {
  return file.text.slice(0, offset).split('\n').length
}

/** Throws on text that is not TypeScript. */
export function sourceFile(path: string, text: string): SourceFile {
  const nodes: Found[] = []
  collect(parseAst(text, { lang: 'ts' }, path) as unknown as Node, [], nodes)
  const imports = nodes.flatMap(({ node }): Import[] => {
    const specifier = specifierOf(node)
    if (specifier === undefined) return []
    const target = specifier.startsWith('.') ? normalize(join(dirname(path), specifier)) : undefined
    return [{ specifier, target, typeOnly: isTypeOnly(node), line: lineAt({ text }, node.start) }]
  })
  const mentions = nodes.flatMap(({ node }) => {
    const value = textOf(node)
    if (value === undefined || !/\.[jt]s$/.test(value)) return []
    return [normalize(join(dirname(path), value)), normalize(value)]
  })
  return { path, text, imports, mentions, nodes }
}

/** The module that a node imports, whichever way it is written. */
function specifierOf(node: Node): string | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
    case 'ExportNamedDeclaration':
    case 'ImportExpression':
    case 'TSImportType':
      return textOf(node.source)
    case 'CallExpression': {
      const callee = node.callee as Node
      const isRequire = callee.type === 'Identifier' && callee.name === 'require'
      return isRequire ? textOf((node.arguments as Node[])[0]) : undefined
    }
    default:
      return undefined
  }
}

function isTypeOnly(node: Node): boolean {
  return node.importKind === 'type' || node.exportKind === 'type' || node.type === 'TSImportType'
}

function textOf(node: unknown): string | undefined {
  return isNode(node) && node.type === 'Literal' && typeof node.value === 'string' ? node.value : undefined
}

function collect(node: Node, around: Node[], found: Found[]): void {
  found.push({ node, around })
  const inside = [...around, node]
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) collect(child, inside, found)
  }
}

/** All files under the root, from the root, without what git ignores (by the plain names in .gitignore). */
export function listFiles(root: string): string[] {
  const ignored = readFileSync(join(root, '.gitignore'), 'utf8').split('\n')
  const names = new Set(['.git', ...ignored.map((line) => line.replaceAll('/', '').trim()).filter(Boolean)])
  const walk = (folder: string): string[] =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      if (names.has(entry.name) || entry.name.endsWith('.log')) return []
      const path = join(folder, entry.name)
      return entry.isDirectory() ? walk(path) : [path]
    })
  return walk('')
}

export function readSources(root: string): SourceFile[] {
  return listFiles(root)
    .filter((path) => /\.([cm]?[jt]s|vue)$/.test(path))
    .map((path) => {
      const text = readFileSync(join(root, path), 'utf8')
      return sourceFile(path, path.endsWith('.vue') ? scriptOf(text) : text)
    })
}

/** The script of a page's component, every line where it stands in the file. */
function scriptOf(text: string): string {
  const script = /<script[^>]*>([\s\S]*?)<\/script>/.exec(text)?.[1] ?? ''
  const [before = '', after = ''] = text.split(script)
  const blank = (part: string) => part.replace(/[^\n]/g, '')
  return script === '' ? blank(text) : `${blank(before)}${script}${blank(after)}`
}

/** Lines of a function without those of the functions inside it: a factory is judged by what it does itself. */
export function ownLines(file: SourceFile, node: Node): number {
  const inside = file.nodes
    .filter((one) => one.around.includes(node) && /^(Function|ArrowFunction)/.test(one.node.type))
    .filter(
      (one) =>
        !one.around.some(
          (outer) =>
            outer !== node &&
            outer.start >= node.start &&
            outer.end <= node.end &&
            /^(Function|ArrowFunction)/.test(outer.type),
        ),
    )
  const taken = inside.reduce((sum, one) => sum + lineAt(file, one.node.end) - lineAt(file, one.node.start), 0)
  return lineAt(file, node.end) - lineAt(file, node.start) + 1 - taken
}
