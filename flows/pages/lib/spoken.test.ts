import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { COMMAND_WORDS } from '../../../hub/contract/words.ts'
import { actionWord, whoWord } from './audit-words.ts'
import { CODES, codeWord, reasonOf } from './codes.ts'
import { hubNotices } from './hub-notices.ts'

/** Chinese first: what the hub tells by its own names is said to people in their words. */

const root = new URL('../../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')
const HAN = /\p{Script=Han}/u

describe('codes', () => {
  it('of the contract that an order can end with all have words', () => {
    const rows = [...read('hub/contract/README.md').matchAll(/^\| `([A-Z]+_[A-Z_]+)`/gm)].map(
      ([, code]) => code as string,
    )
    // What is wrong with a message is between programs.
    const between = /^(TOPIC|PAYLOAD|ENVELOPE|RETAIN|CREDENTIALS)_/
    const asked = rows.filter((code) => !between.test(code))
    expect(asked.length).toBeGreaterThan(50)
    expect(asked.filter((code) => !codeWord(code))).toEqual([])
  })

  it('say why in Chinese, and in the hub’s own words where there are none', () => {
    for (const code of Object.keys(CODES)) expect(reasonOf({ code, message: 'english' }), code).toMatch(HAN)
    expect(reasonOf({ code: 'QUITE_NEW', message: 'the hub says' })).toBe('the hub says')
    expect(reasonOf({ code: 'toString', message: 'the hub says' })).toBe('the hub says')
  })
})

describe('the audit log', () => {
  it('has a word for each action that the hub writes', () => {
    const written = new Set<string>(Object.keys(COMMAND_WORDS))
    for (const file of globSync('hub/**/*.ts', { cwd: root }).filter((path) => !path.endsWith('.test.ts'))) {
      const text = read(file)
      if (!/audit/i.test(text)) continue
      for (const [, action] of text.matchAll(/\b(?:action|type): (?:of\()?'((?:[a-z]+-)*[a-z]+)'/g)) {
        const isAsked = /^(person|account)-/.test(action as string)
        if (isAsked || text.includes(`action: '${action}'`)) written.add(action as string)
      }
    }
    for (const done of ['add', 'rename', 'move', 'replace', 'remove', 'import']) written.add(`device-${done}`)
    for (const one of ['login', 'logout', 'lock-out', 'secret-change', 'route', 'flows', 'backup', 'restore'])
      written.add(one)
    for (const one of ['site-edited', 'site-migrated', 'shortened', 'publish-evt', 'publish-state']) written.add(one)
    // Questions, which change nothing and have no line, and an answer.
    for (const one of ['person-list', 'account-list', 'person-changed', 'account-changed', 'word']) written.delete(one)
    expect([...written].filter((action) => !HAN.test(actionWord(action)))).toEqual([])
    expect(written).toContain('evacuation-doubtful')
  })

  it.each([
    ['person:值班甲', '值班甲'],
    ['installer:linli-device', '安装人员(linli-device)'],
    ['hub:first-start', '枢纽(首次启动)'],
    ['web:127.0.0.1', '页面 127.0.0.1'],
    ['https:::1', '网络 ::1'],
    ['hub', '枢纽'],
    ['command-line', '命令行'],
    ['unknown:', '不明'],
    ['site.json', 'site.json'],
  ])('says who %s is', (text, said) => expect(whoWord(text)).toBe(said))
})

describe('what is wrong with the hub itself', () => {
  const now_ms = Date.parse('2026-11-30T08:00:00Z')
  const said = (state: Parameters<typeof hubNotices>[0]) => hubNotices(state, now_ms).map(({ text }) => text)
  it('is said while it is so, and a hub that is well says nothing', () => {
    const well = { upstreams: [{ name: 'district', status: 'connected', since: '2026-11-30T07:00:00Z' }] }
    expect(said({ ...well, flows: { status: 'running' }, journal: {} })).toEqual([])
    expect(said(undefined)).toEqual([])
    const away = [{ name: 'district', status: 'disconnected', since: '2026-11-30T07:00:00Z' }]
    expect(said({ upstreams: away, journal: { fault: { code: 'JOURNAL_FULL' } }, flows: { status: 'away' } })).toEqual([
      expect.stringContaining('磁盘满了'),
      expect.stringContaining('district'),
      expect.stringContaining('正在重启'),
    ])
  })

  it('names who deployed what, and what runs instead', () => {
    const fellback = { from: 3, to: 0, user: '工程师', at: '2026-11-30T07:00:00Z' }
    const [text = ''] = said({ flows: { status: 'running', fellback } })
    for (const part of ['工程师', '第 3 版', '出厂版本']) expect(text).toContain(part)
  })
})
