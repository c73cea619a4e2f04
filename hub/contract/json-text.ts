import { findNodeAtLocation, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser'

/** JSON whose mistakes can be told by line, as a person finds them in an editor: profiles, site.json. */

export interface JsonText {
  value: unknown
  /** The line of a field, from 1; of one that is missing: of what it is missing in. @param pointer RFC 6901 */
  lineOf(pointer: string): number
}

export type ParsedText = { ok: true; value: JsonText } | { ok: false; line: number; what: string }

/** Strict JSON; a name that is there twice is a mistake, since only one of the two would count. */
export function parseJsonText(text: string): ParsedText {
  const lineAt = (offset: number) => text.slice(0, offset).split('\n').length
  const errors: ParseError[] = []
  const root = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false })
  const [first] = errors
  if (first !== undefined || root === undefined) {
    const what = first === undefined ? 'it is empty' : inWords(printParseErrorCode(first.error))
    return { ok: false, line: lineAt(first?.offset ?? 0), what }
  }
  const twice = findTwice(root)
  if (twice !== undefined) return { ok: false, line: lineAt(twice.offset), what: `${twice.value} is there twice` }
  const lineOf = (pointer: string) => {
    let node = root
    for (const part of pointer.split('/').slice(1).map(unescaped)) {
      const next = findNodeAtLocation(node, [node.type === 'array' ? Number(part) : part])
      if (next === undefined) break
      node = next
    }
    return lineAt((node.parent?.type === 'property' ? node.parent : node).offset)
  }
  return { ok: true, value: { value: JSON.parse(text) as unknown, lineOf } }
}

function findTwice(node: Node): Node | undefined {
  const names = new Set<unknown>()
  for (const child of node.children ?? []) {
    const [key] = child.children ?? []
    if (child.type === 'property' && key !== undefined) {
      if (names.has(key.value)) return key
      names.add(key.value)
    }
    const inside = findTwice(child)
    if (inside !== undefined) return inside
  }
  return undefined
}

const unescaped = (part: string) => part.replaceAll('~1', '/').replaceAll('~0', '~')

/** `CloseBraceExpected` → `close brace expected`. */
function inWords(code: string): string {
  return code.replace(/\B[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).toLowerCase()
}
