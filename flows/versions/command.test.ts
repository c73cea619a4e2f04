import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createStorage } from '../storage/storage.ts'

/** `linli flows` as somebody types it, on what a deploy left. */

const shipped_dir = fileURLToPath(new URL('..', import.meta.url))
const entry = fileURLToPath(new URL('./main.ts', import.meta.url))
const data = mkdtempSync(join(tmpdir(), 'linli-flows-cli-'))
const storage = () => createStorage({ shipped_dir, data_dir: join(data, 'flows') }, () => {})
afterAll(() => rmSync(data, { recursive: true, force: true }))

beforeAll(async () => {
  const flows = await storage().getFlows()
  const siren = flows.find(({ name }) => name === '鸣笛 Siren on')
  await storage().saveFlows(
    flows.map((node) => (node === siren ? { ...node, args: '{"on":false}' } : node)),
    { username: 'wang' },
  )
})

function linli(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...args, '--data', data], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

it('compares the newest with the shipped flows by node, and goes back to them', async () => {
  const differs = linli('diff', '--json')
  const changed = { what: 'changed', name: '鸣笛 Siren on', properties: ['args'] }
  expect(JSON.parse(differs.stdout)).toMatchObject({ from: 0, to: 1, differences: [changed] })
  expect(linli('rollback', '0').status).toBe(0)
  expect((await storage().getFlows()).some(({ args }) => args === '{"on":false}')).toBe(false)
  const listed = linli('list').stdout.trim().split('\n')
  expect(listed).toMatchObject([/^2 .*cli:/, /^1 .*wang/, /^0 /].map((line) => expect.stringMatching(line)))
})

it('says what there is not, with exit code 2', () => {
  expect(linli('rollback', '9')).toMatchObject({ status: 2, stderr: expect.stringContaining('linli flows list') })
  expect(linli('diff', 'x')).toMatchObject({ status: 2, stderr: expect.stringContaining('linli flows list') })
})
