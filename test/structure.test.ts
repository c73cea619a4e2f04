import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { ENTRIES, homes } from './support/library-homes.ts'
import {
  dotted,
  type Found,
  isNode,
  isUse,
  lineAt,
  listFiles,
  type Node,
  nameOf,
  ownLines,
  readSources,
  rootName,
  type SourceFile,
  sourceFile,
} from './support/source-files.ts'

/** The house rules. Each message says what to do instead; each rule is shown to fail on a small sample below. */

const LINES_MAX = 400
const FUNCTION_LINES_MAX = 70

/** Rooms and the rooms they may import, longest prefix first; a file may always import its own room. */
const rooms: Array<[room: string, mayImport: string[], instead: string]> = [
  ['hub/contract/', [], 'the contract imports nothing of ours: move what is needed into hub/contract'],
  ['hub/journal/', ['hub/contract/'], 'the journal serves hub and gateway alike: take the dependency as an argument'],
  ['hub/lifeline/', ['hub/contract/'], 'the lifeline serves hub and gateway alike: take the dependency as an argument'],
  ['hub/at-rest/', [], 'it serves hub and gateway alike, in all their threads: take the dependency as an argument'],
  ['hub/flows-host/', ['hub/contract/'], 'let hub/compose.ts hand it in behind an interface in hub/flows-host'],
  ['hub/', ['hub/'], 'start firmware, simulator and flows as processes; share words through hub/contract'],
  [
    'firmware/',
    ['hub/at-rest/', 'hub/contract/', 'hub/journal/', 'hub/lifeline/'],
    'use hub/at-rest, hub/contract, hub/journal and hub/lifeline, or a port in firmware/ports',
  ],
  ['flows/', ['hub/contract/'], 'speak to the hub over IPC with messages of hub/contract'],
  ['hardware-sim/', [], 'write it again: a simulator that shares the codec proves nothing'],
  ['test/', ['*'], ''],
  ['', ['test/support/'], 'configuration imports no sources'],
]

type Rule = (files: SourceFile[]) => string[]

const isTest = (path: string) => path.startsWith('test/') || path.endsWith('.test.ts')
const isAt = (path: string, places: string[]) =>
  places.some((place) => {
    if (place.endsWith('*')) return path.startsWith(place.slice(0, -1))
    return place.endsWith('/')
      ? path.startsWith(place)
      : path === place || (place === 'main.ts' && basename(path) === place)
  })
const packageOf = (specifier: string) =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
const at = (file: SourceFile, node: Node) => `${file.path}:${lineAt(file, node.start)}`

function directions(files: SourceFile[]): string[] {
  return files.flatMap((file) => {
    const [room, mayImport, instead] = rooms.find(([prefix]) => file.path.startsWith(prefix)) ?? ['', [], '']
    const also = isTest(file.path) ? ['package.json', 'test/support/'] : ['package.json']
    const own = room === '' ? [] : [room]
    return file.imports
      .filter(({ target }) => target !== undefined && !isAt(target, [...own, ...mayImport, ...also]))
      .map(({ target, line }) => `${file.path}:${line} ${room || 'the root'} must not import ${target}; ${instead}`)
  })
}

function libraries(files: SourceFile[]): string[] {
  return files
    .filter((file) => !isTest(file.path) && file.path.includes('/'))
    .flatMap((file) =>
      file.imports.flatMap(({ specifier, target, line }) => {
        if (target !== undefined) return []
        const home = homes[specifier] ?? homes[packageOf(specifier)]
        if (!home && specifier.startsWith('node:')) return []
        const where = `${file.path}:${line} imports ${specifier}`
        if (!home)
          return [
            `${where}, which has no place; name its one place in test/support/library-homes.ts, and why in CONTRIBUTING.md`,
          ]
        return isAt(file.path, home.at) ? [] : [`${where}, which belongs to ${home.at.join(', ')}; use ${home.instead}`]
      }),
    )
}

const TIMERS =
  /^(setTimeout|setInterval|setImmediate|clearTimeout|clearInterval|queueMicrotask|performance|process|fetch)$/
function machines(files: SourceFile[]): string[] {
  const how = 'a machine is pure: take now and inputs as arguments, return effects, and let the driver do them'
  return files
    .filter((file) => /(^|\/|-)machine\.ts$/.test(file.path))
    .flatMap((file) => [
      ...file.imports
        .filter(
          ({ target, typeOnly }) =>
            target === undefined || (!typeOnly && /\/(ports|adapters)\/|driver\.ts$/.test(`/${target}`)),
        )
        .map(({ specifier, line }) => `${file.path}:${line} imports ${specifier}; ${how}`),
      ...file.nodes
        .filter((found) => {
          const { node } = found
          if (node.type === 'NewExpression')
            return nameOf(node.callee) === 'Date' && (node.arguments as Node[]).length === 0
          return dotted(node) === 'Date.now' || (isUse(found) && TIMERS.test(nameOf(node) ?? ''))
        })
        .map(({ node }) => `${at(file, node)} uses ${file.text.slice(node.start, node.end)}; ${how}`),
    ])
}

function bans(files: SourceFile[]): string[] {
  return files.flatMap((file) => {
    const mayExit = isAt(file.path, ENTRIES) || (isTest(file.path) && !file.path.endsWith('.test.ts'))
    const timers = file.imports
      .filter(({ specifier }) => /^(node:)?timers(\/promises)?$/.test(specifier))
      .map(
        ({ specifier, line }) =>
          `${file.path}:${line} imports ${specifier}, which fake timers cannot drive; use the global timers`,
      )
    const uses = file.nodes.flatMap(({ node }) => {
      const name = dotted(node)
      if (name === 'Math.random' && !isTest(file.path))
        return [
          `${at(file, node)} uses Math.random; take \`random: () => number\` as an argument (the edge gives crypto's)`,
        ]
      if (name === 'process.exit' && !mayExit)
        return [`${at(file, node)} calls process.exit; throw, or return to main.ts, which alone ends the process`]
      if (name?.startsWith('console.'))
        return [
          `${at(file, node)} uses console; use the log that was handed in, or process.stdout.write in an entry file`,
        ]
      return []
    })
    const quieted = [
      ...file.text.matchAll(
        /(?:^|\s)\/[/*].*(@ts-(ignore|nocheck)|biome-ignore lint\/suspicious\/no(ExplicitAny|Console))/gm,
      ),
    ].map(
      (match) =>
        `${file.path}:${lineAt(file, match.index)} switches off ${match[1]}; use unknown and a check, or a typed wrapper`,
    )
    return [...timers, ...uses, ...quieted]
  })
}

const RUNNERS = ['describe', 'it', 'test', 'suite', 'bench']

function honestTests(files: SourceFile[]): string[] {
  return files
    .filter((file) => isTest(file.path) && file.path !== 'test/support/needs.ts')
    .flatMap((file) =>
      file.nodes.flatMap((found) => {
        const { node } = found
        const property = node.type === 'MemberExpression' ? nameOf(node.property) : undefined
        const runner = RUNNERS.includes(rootName(node) ?? '')
        const inContext = property === 'skip' && /^(ctx|context|task|t)$/.test(nameOf(node.object) ?? '')
        if (
          (runner && /^(only|skip|todo|skipIf|runIf|fails)$/.test(property ?? '')) ||
          inContext ||
          hasSkipOption(node)
        ) {
          return [`${at(file, node)} leaves tests out; run them, or use needs() of test/support/needs.ts`]
        }
        if (file.path.endsWith('.test.ts') && isSleep(found)) {
          return [`${at(file, node)} sleeps; wait for the condition (vi.waitFor, an event) or use fake timers`]
        }
        return []
      }),
    )
}

function hasSkipOption(node: Node): boolean {
  if (node.type !== 'CallExpression' || !RUNNERS.includes(rootName(node.callee) ?? '')) return false
  return (node.arguments as Node[]).some(
    (one) =>
      one.type === 'ObjectExpression' &&
      (one.properties as Node[]).some((p) => /^(only|skip|todo|fails)$/.test(nameOf(p.key) ?? '')),
  )
}

/** `setTimeout(resolve, …)` or `setTimeout(() => resolve(), …)` directly inside `new Promise((resolve) => …)`. */
function isSleep({ node, around }: Found): boolean {
  if (node.type !== 'CallExpression' || nameOf(node.callee) !== 'setTimeout') return false
  const executor = around.at(
    around.findLastIndex((one) => one.type === 'NewExpression' && nameOf(one.callee) === 'Promise') + 1,
  )
  const resolve = nameOf((executor?.params as Node[] | undefined)?.[0])
  const [action] = node.arguments as Node[]
  if (resolve === undefined || action === undefined) return false
  const called = isNode(action.body) && action.body.type === 'CallExpression' ? action.body.callee : action
  return nameOf(called) === resolve
}

function sizes(files: SourceFile[]): string[] {
  return files.flatMap((file) => {
    const lines = file.text.trimEnd().split('\n').length
    const long = file.nodes
      .filter(({ node, around }) => /^(Function|ArrowFunction)/.test(node.type) && !isSuite(around.at(-1)))
      .map(({ node }) => ({ node, count: ownLines(file, node) }))
      .filter(({ count }) => count > FUNCTION_LINES_MAX)
      .map(
        ({ node, count }) =>
          `${at(file, node)} has a function of ${count} lines (at most ${FUNCTION_LINES_MAX}); two things live together: part them`,
      )
    const tooLong = `${file.path} has ${lines} lines (at most ${LINES_MAX}); two things live together: part them`
    return lines > LINES_MAX ? [tooLong, ...long] : long
  })
}
const isSuite = (node: Node | undefined) =>
  node?.type === 'CallExpression' && /^(describe|suite|needs|needsThat)$/.test(rootName(node.callee) ?? '')

const TOP_LEVEL =
  /^(hub|firmware|flows|hardware-sim|test|\.ci|\.gitignore|\.npmrc|LICENSE|README\.md|CHANGELOG\.md|CONTRIBUTING\.md|biome\.json|package(-lock)?\.json|tsconfig\.json|vitest\.config\.ts)$/
function folders(paths: string[]): string[] {
  const rooms = 'put it into hub, firmware, flows, hardware-sim or test, or allow it in test/structure.test.ts'
  return [
    ...new Set(
      paths.flatMap((path) => {
        const parts = path.split('/')
        const vague = parts.slice(0, -1).find((part) => /^(utils?|common|helpers?|misc)$/.test(part))
        const stray = TOP_LEVEL.test(parts[0] ?? '') ? [] : [`${parts[0]} has no place at the top level; ${rooms}`]
        return vague ? [...stray, `${path} is in a folder named ${vague}; name the folder for what it is for`] : stray
      }),
    ),
  ]
}

/** A file counts as used when a file other than its own test imports it or names it to start it. */
function deadFiles(files: SourceFile[]): string[] {
  const used = new Map<string, string[]>()
  for (const file of files) {
    for (const target of [...file.imports.map((one) => one.target ?? ''), ...file.mentions]) {
      used.set(target, [...(used.get(target) ?? []), file.path])
    }
  }
  return files
    .map((file) => file.path)
    .filter(
      (path) =>
        /^(hub|firmware|flows|hardware-sim)\/.*\.ts$/.test(path) &&
        !/(\.test|\.d)\.ts$/.test(path) &&
        basename(path) !== 'main.ts',
    )
    .filter((path) => !(used.get(path) ?? []).some((by) => by !== path && by !== path.replace(/\.ts$/, '.test.ts')))
    .map((path) => `${path} is used by nobody; import it where it is needed, or delete it`)
}

const root = fileURLToPath(new URL('..', import.meta.url))
const rules: Record<string, Rule> = { directions, libraries, machines, bans, honestTests, sizes, deadFiles }

describe('the sources', () => {
  const sources = readSources(root)

  it('are read', () => {
    expect(sources.map((file) => file.path)).toEqual(
      expect.arrayContaining(['hub/contract/topic.ts', 'test/structure.test.ts']),
    )
  })

  it.each(Object.entries(rules))('keep the rule on %s', (_name, rule) => {
    expect(rule(sources).join('\n')).toBe('')
  })

  it('have their places', () => {
    expect(folders(listFiles(root)).join('\n')).toBe('')
  })
})

const machine = 'firmware/drivers/x/machine.ts'
const lines = (count: number) => 'f()\n'.repeat(count)
/** Rule, file, text, and a part of the message, or nothing when the text keeps the rule. */
const samples: Array<[rule: string, path: string, text: string, says?: string]> = [
  ['directions', 'hub/contract/a.ts', `import { x } from '../journal/b.ts'`, 'move what is needed into hub/contract'],
  ['directions', 'hub/journal/a.ts', `export * from '../registry/b.ts'`, 'take the dependency as an argument'],
  ['directions', 'hub/journal/a.ts', `import type { X } from '../contract/b.ts'`],
  ['directions', 'hub/flows-host/a.ts', `import { x } from '../journal/b.ts'`, 'let hub/compose.ts hand it in'],
  ['directions', 'hub/compose.ts', `import { x } from './journal/b.ts'; import pkg from '../package.json'`],
  ['directions', 'hub/cli/a.ts', `const x = await import('../../firmware/main.ts')`, 'as processes'],
  ['directions', 'hub/cli/a.ts', `spawn(process.execPath, [new URL('../../firmware/main.ts', import.meta.url)])`],
  ['directions', 'firmware/a.ts', `import { x } from '../hub/registry/b.ts'`, 'a port in firmware/ports'],
  ['directions', 'flows/a.ts', `import { x } from '../hub/flows-host/b.ts'`, 'over IPC'],
  ['directions', 'hardware-sim/a.ts', `let x: import('../hub/contract/b.ts').X`, 'shares the codec'],
  ['directions', 'hardware-sim/a.test.ts', `import { needs } from '../test/support/needs.ts'`],
  ['directions', 'hardware-sim/a.ts', `import { needs } from '../test/support/needs.ts'`, 'must not import test/'],
  ['directions', 'test/sim/a.ts', `import { x } from '../../hardware-sim/b.ts'; import y from '../../firmware/c.ts'`],
  ['libraries', 'firmware/gateway/a.ts', `import { SerialPort } from 'serialport'`, 'firmware/ports/byte-port.ts'],
  ['libraries', 'firmware/adapters/serialport.ts', `const { SerialPort } = await import('serialport')`],
  ['libraries', 'hub/upstream/a.ts', `import mqtt from 'mqtt/dist/x'`, 'createMqttLink'],
  ['libraries', 'hub/upstream/a.ts', `import { DatabaseSync } from 'node:sqlite'`, 'durable log'],
  ['libraries', 'hub/web/a.ts', `import x from '@fastify/static'`, 'which has no place'],
  ['libraries', 'firmware/adapters/gpio/kernel.ts', `const { default: koffi } = await import('koffi')`],
  ['libraries', 'firmware/adapters/libc.ts', `import koffi from 'koffi'`, 'a port with one adapter there'],
  ['libraries', 'flows/main.ts', `const RED = require('node-red')`],
  ['libraries', 'firmware/adapters/firmata-board/pins.ts', `import five from 'johnny-five'`],
  ['libraries', 'hub/upstream/a.test.ts', `import { Aedes } from 'aedes'; import fc from 'fast-check'`],
  ['libraries', 'hub/a.ts', `import { readFile } from 'node:fs/promises'`],
  ['libraries', 'hub/a.ts', `import { Type } from 'typebox'`, 'hub/contract/type.ts'],
  ['machines', machine, `import { readFileSync } from 'node:fs'`, 'a machine is pure'],
  ['machines', machine, `import { write } from '../../ports/byte-port.ts'`, 'a machine is pure'],
  ['machines', machine, `import type { Moment } from '../../ports/moment.ts'`],
  ['machines', machine, `export const step = () => setTimeout(f, 1)`, 'uses setTimeout'],
  ['machines', 'hub/incidents/rule-machine.ts', `const now = Date.now()`, 'uses Date.now'],
  ['machines', machine, `const now = new Date()`, 'uses new Date()'],
  [
    'machines',
    machine,
    `import { Type } from '../../../hub/contract/type.ts'; const s = { process: new Date(now) }; s.process`,
  ],
  ['bans', 'hub/a.ts', `import { setTimeout } from 'node:timers/promises'`, 'use the global timers'],
  ['bans', 'test/a.test.ts', `import { setTimeout } from 'timers'`, 'use the global timers'],
  ['bans', 'hub/a.ts', `const jitter = { random: Math.random }`, 'as an argument'],
  ['bans', 'test/a.ts', `Math.random()`],
  ['bans', 'hub/web/a.ts', `process.exit(1)`, 'return to main.ts'],
  ['bans', 'hub/a.test.ts', `process.exit(1)`, 'return to main.ts'],
  ['bans', 'firmware/main.ts', `process.exit(1)`],
  ['bans', 'hub/a.ts', `console.log(1)`, 'use the log that was handed in'],
  ['bans', 'hub/a.ts', `// biome-ignore lint/suspicious/noExplicitAny: easier\nlet x: any`, 'use unknown and a check'],
  ['bans', 'hub/a.ts', `// @ts-ignore\nf(1)`, 'use unknown and a check'],
  ['honestTests', 'hub/a.test.ts', `it.only('x', f)`, 'use needs()'],
  ['honestTests', 'hub/a.test.ts', `describe.each([1]).skip('x', f)`, 'use needs()'],
  ['honestTests', 'hub/a.test.ts', `it.runIf(process.env.X)('x', f)`, 'use needs()'],
  ['honestTests', 'hub/a.test.ts', `it('x', { skip: true }, f)`, 'use needs()'],
  ['honestTests', 'hub/a.test.ts', `it('x', (ctx) => ctx.skip())`, 'use needs()'],
  ['honestTests', 'hub/a.test.ts', `it.each([1])('x', { timeout: 1 }, () => stream.skip(1))`],
  ['honestTests', 'hub/a.test.ts', `await new Promise((r) => setTimeout(r, 50))`, 'wait for the condition'],
  [
    'honestTests',
    'hub/a.test.ts',
    `await new Promise((r) => { setTimeout(() => r(1), 50) })`,
    'wait for the condition',
  ],
  ['honestTests', 'hub/a.test.ts', `await new Promise((r, no) => { setTimeout(() => no(e), 50); on('x', r) })`],
  ['sizes', 'hub/a.ts', lines(401), 'part them'],
  ['sizes', 'hub/a.ts', lines(400)],
  ['sizes', 'hub/a.ts', `function g() {\n${lines(69)}}`, 'function of 71 lines'],
  ['sizes', 'hub/a.ts', `const g = () => {\n${lines(68)}}`],
  ['sizes', 'hub/a.test.ts', `describe('x', () => {\n${lines(100)}})`],
  ['deadFiles', 'hub/a.ts', `export const a = 1`, 'used by nobody'],
  ['deadFiles', 'hub/main.ts', `start()`],
]

describe('each rule', () => {
  const titled = samples.map((sample) => ({
    name: sample[0],
    path: sample[1],
    start: sample[2].slice(0, 80).split('\n')[0],
    sample,
  }))
  it.each(titled)('on $name judges $path: $start', ({ sample: [name, path, text, says] }) => {
    const broken = rules[name]?.([sourceFile(path, text)])
    if (says === undefined) expect(broken).toEqual([])
    else expect(broken).toEqual([expect.stringContaining(says)])
  })

  it('on folders names what to do', () => {
    expect(folders(['hub/contract/a.ts', '.ci/run', 'README.md'])).toEqual([])
    expect(folders(['hub/utils/a.ts', 'tmp/x', 'tmp/y'])).toEqual([
      expect.stringContaining('name the folder for what it is for'),
      expect.stringContaining('tmp has no place at the top level; put it into hub'),
    ])
  })

  it('on dead files wants another user than its own test, be it a process that starts it', () => {
    const a = sourceFile('hub/a.ts', 'export const a = 1')
    const ownTest = sourceFile('hub/a.test.ts', `import { a } from './a.ts'`)
    const starter = sourceFile('hub/b/main.ts', `fork(new URL('../a.ts', import.meta.url))`)
    expect(deadFiles([a, ownTest])).toHaveLength(1)
    expect(deadFiles([a, ownTest, starter])).toEqual([])
  })
})
