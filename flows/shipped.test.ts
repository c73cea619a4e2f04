import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { FlowNode } from './storage/units.ts'

/** House rules of what is shipped: flows that people can read, and a palette that speaks both languages. */

const folder = fileURLToPath(new URL('.', import.meta.url))
const read = (path: string) => readFileSync(`${folder}${path}`, 'utf8')
const files = readdirSync(folder).filter((name) => name.endsWith('.flow.json'))
const CHINESE = /\p{Script=Han}/u
const ENGLISH = /[A-Za-z]{3,}/

/** Where a node is in the editor, whose steps are of 20 px; as measured there, give or take one. */
function boxOf({ type, name, x, y }: FlowNode): Record<'left' | 'right' | 'top' | 'bottom', number> {
  const label = [...String(name || type)].reduce((sum, char) => sum + (CHINESE.test(char) ? 14 : 7), 0)
  const half = Math.max(100, 20 * Math.ceil((label + 50) / 20)) / 2
  return { left: Number(x) - half, right: Number(x) + half, top: Number(y) - 15, bottom: Number(y) + 15 }
}

describe.each(files)('%s', (name) => {
  const nodes = JSON.parse(read(name)) as FlowNode[]
  const ids = nodes.map(({ id }) => id)

  it('is one tab, and everything is on it but what the Dashboard shares among tabs', () => {
    const tabs = nodes.filter(({ type }) => type === 'tab')
    expect(tabs).toHaveLength(1)
    const elsewhere = nodes.slice(1).filter(({ z }) => z !== tabs[0]?.id)
    for (const { type, z } of elsewhere) {
      expect(type).toMatch(/^ui-(base|theme|page|group)$/)
      expect(z).toBeUndefined()
    }
  })

  it('has random ids that no property can equal by chance, and wires that lead somewhere', () => {
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{16}$/)
    for (const { wires } of nodes)
      for (const to of (wires as string[][] | undefined)?.flat() ?? []) expect(ids).toContain(to)
  })

  it('explains itself in Chinese and English', () => {
    const texts = nodes
      .filter(({ type }) => type === 'tab' || type === 'comment')
      .flatMap(({ label, name, info }) => [label ?? name, info]) as string[]
    expect(texts.length).toBeGreaterThan(3)
    for (const text of texts) expect(text).toSatisfy((t: string) => CHINESE.test(t) && ENGLISH.test(t))
  })

  it('is laid out without nodes on top of each other, and what is wired in group boxes, each with a comment', () => {
    const groups = nodes.filter(({ type }) => type === 'group')
    const isWired = nodes.some(({ wires }) => (wires as string[][] | undefined)?.flat().length)
    const placed = nodes.filter(({ type, x }) => x !== undefined && type !== 'group')
    const boxes = placed.map((node) => ({ node, ...boxOf(node) }))
    for (const { node, ...box } of boxes) {
      const name = String(node.name)
      if (isWired) {
        const { x, y, w, h } = groups.find(({ id }) => id === node.g) as FlowNode &
          Record<'x' | 'y' | 'w' | 'h', number>
        const within = [box.left >= x, box.right <= x + w, box.top >= y, box.bottom <= y + h]
        expect([name, ...within]).toEqual([name, true, true, true, true])
      }
      const over = boxes.find(
        (other) =>
          other.node !== node &&
          other.left < box.right &&
          box.left < other.right &&
          other.top < box.bottom &&
          box.top < other.bottom,
      )
      expect([name, over?.node.name]).toEqual([name, undefined])
    }
    for (const { id, nodes: listed } of groups) {
      const members = placed.filter(({ g }) => g === id)
      expect(members.map((node) => node.id).sort()).toEqual([...(listed as string[])].sort())
      expect(members.filter(({ type }) => type === 'comment')).toHaveLength(1)
    }
  })
})

it('no id is used by two flows', () => {
  const ids = files.flatMap((name) => (JSON.parse(read(name)) as FlowNode[]).map(({ id }) => id))
  expect(new Set(ids).size).toBe(ids.length)
})

describe.each(['nodes', 'dashboard'])('palette of %s', (room) => {
  const { 'node-red': palette } = JSON.parse(read(`${room}/package.json`)) as {
    'node-red': { nodes: Record<string, string> }
  }
  const keys = (value: unknown): string[] =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, inner]) => [key, ...keys(inner).map((rest) => `${key}.${rest}`)])
      : []

  it.each(Object.keys(palette.nodes))('%s has texts and help in both languages', (name) => {
    const [chinese, english] = ['zh-CN', 'en-US'].map((language) => ({
      texts: JSON.parse(read(`${room}/locales/${language}/${name}.json`)) as unknown,
      help: read(`${room}/locales/${language}/${name}.html`),
    }))
    expect(keys(chinese?.texts)).toEqual(keys(english?.texts))
    expect(CHINESE.test(chinese?.help ?? '')).toBe(true)
    expect(CHINESE.test(english?.help ?? '')).toBe(false)
    const html = read(`${room}/${name}.html`)
    const used = [...html.matchAll(new RegExp(`(?:data-i18n="(?:\\[placeholder\\])?|_\\(')${name}\\.([\\w.-]+)`, 'g'))]
    expect(used.length).toBeGreaterThan(1)
    for (const [, key] of used) expect(keys(english?.texts)).toContain(`${name}.${key}`)
    const icon = /icon: '([\w-]+\.svg)'/.exec(html)?.[1]
    expect(readdirSync(`${folder}${room}/icons`)).toContain(icon)
  })
})
