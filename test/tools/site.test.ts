import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { WAIT } from '../support/estate.ts'
import { linli } from '../support/linli.ts'
import { needs } from '../support/needs.ts'
import { type Program, startProgram } from '../support/program.ts'

/** A site as its installer makes it, changes it and breaks it, with real processes. */

interface Health {
  status: string
  problems: string[]
  site: { source: string; devices: number; restartNeeded: string[] }
}

describe('a site', () => {
  const dir = mkdtempSync(join(tmpdir(), 'linli-site-'))
  const file = join(dir, 'site.json')
  let hub: Program
  const device = (...args: string[]) => linli('device', [...args, '--data', dir])
  const add = (id: string, pin: number) =>
    device(
      'add',
      id,
      '--gateway',
      'gw-1',
      '--kind',
      'alarm-button',
      '--board',
      'board-a',
      '--port',
      '/dev/ttyACM0',
      '--set',
      `contactPin=${pin}`,
    )
  const health = async (): Promise<Health> => {
    const answer = await fetch(`http://127.0.0.1:${hub.ready.httpPort}/healthz`)
    return (await answer.json()) as Health
  }
  const start = () =>
    startProgram('hub/main.ts', [
      '--data',
      dir,
      '--host',
      '127.0.0.1',
      '--no-flows',
      ...['http', 'mqtts', 'https'].flatMap((one) => [`--${one}-port`, '0']),
    ])
  const edit = (from: string, to: string) => writeFileSync(file, readFileSync(file, 'utf8').replace(from, to))

  beforeAll(async () => {
    await linli('init', [
      '--data',
      dir,
      '--site',
      's/c/e',
      '--name',
      'hub-7',
      '--time-zone',
      'Asia/Shanghai',
      '--language',
      'zh',
      '--yes',
    ])
    await add('b1', 2)
    hub = await start()
  })
  afterAll(async () => {
    await hub?.kill()
    rmSync(dir, { recursive: true, force: true })
  })

  it('is readable by its owner only, and not made twice', async () => {
    expect(statSync(file).mode & 0o777).toBe(0o600)
    await expect(linli('init', ['--data', dir, '--site', 's/c/e', '--yes'])).rejects.toThrow(
      /ended with 2: .*there already/,
    )
  })

  it('is changed at the hub that runs, with a line in the audit log, and told from what it was', async () => {
    expect(await health()).toMatchObject({ status: 'ok', site: { source: 'site.json', devices: 1 } })
    expect(
      JSON.parse(
        await device(
          'add',
          'b2',
          '--gateway',
          'gw-1',
          '--kind',
          'alarm-button',
          '--board',
          'board-a',
          '--set',
          'contactPin=3',
          '--json',
        ),
      ),
    ).toMatchObject({ added: ['gw-1/b2'] })
    await device('rename', 'b2', 'b3')
    await expect(device('rename', 'b3', 'b1')).rejects.toThrow(/ended with 2: .*is there twice/)
    const { devices } = JSON.parse(await device('list', '--json')) as { devices: object[] }
    expect(devices).toMatchObject([
      { gateway: 'gw-1', id: 'b1' },
      { id: 'b3', contactPin: 3 },
    ])
    const audit = await linli('audit', ['show', '--data', dir, '--kind', 'configuration', '--json'])
    const outcomes = audit
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { action: string; outcome: string })
    expect(outcomes.slice(-2)).toMatchObject([
      { action: 'device-rename', outcome: 'asked' },
      { action: 'device-rename', outcome: 'failed' },
    ])
    expect(await health()).toMatchObject({ site: { devices: 2 } })
  })

  it('takes a sheet of 5,000 devices whole or not at all, at the hub that runs', { timeout: 60_000 }, async () => {
    const rows = Array.from(
      { length: 5_000 },
      (_, n) => `gw-${n % 50},alarm-button,n${n},board-x,/dev/ttyUSB0,${n % 20},${2 + (n % 50)}`,
    )
    const head = 'gateway,kind,id,board,port,building,contactPin'
    const sheet = join(dir, 'devices.csv')
    const bring = (lines: string[], ...more: string[]) => {
      writeFileSync(sheet, [head, ...lines].join('\n'))
      return linli('import', [sheet, '--data', dir, '--json', ...more])
    }
    const [last = ''] = rows.slice(-1)
    await expect(
      bring([...rows.slice(0, -1), last.replace('board-x,/dev/ttyUSB0', 'board-y,')], '--apply'),
    ).rejects.toThrow(/ended with 2: .*\n {2}D5001 \(board\): .* is "board-y"; allowed \(boards\): board-x/)
    await expect(bring([...rows, last], '--apply')).rejects.toThrow(
      'C5002 (id): gw-49/n4999 is there already, in row 5001',
    )
    const dry = JSON.parse(await bring(rows)) as { added: string[]; isApplied: boolean }
    expect([dry.added.length, dry.isApplied]).toEqual([5_000, false])
    expect(await health()).toMatchObject({ site: { devices: 2 } })
    expect(JSON.parse(await bring(rows, '--apply'))).toMatchObject({ isApplied: true, unchanged: 2 })
    expect(await health()).toMatchObject({ site: { devices: 5_002 } })
    expect(JSON.parse(await bring(rows, '--apply'))).toMatchObject({
      added: [],
      changed: [],
      unchanged: 5_002,
      isApplied: false,
    })
  })

  it('refuses a file of 100 MB before it has read it', async () => {
    const big = join(dir, 'big.csv')
    writeFileSync(big, '')
    truncateSync(big, 100_000_000)
    await expect(linli('import', [big, '--data', dir])).rejects.toThrow('is larger than 16777216 bytes')
  })

  it('is edited by hand: taken over when valid, else the last good one runs on and everybody hears why', async () => {
    edit('"zh"', '"fr"')
    await vi.waitFor(async () => {
      expect(await health()).toMatchObject({
        status: 'failing',
        problems: ['site.json line 5: /language is "fr"; allowed: "zh", "en"'],
        site: { source: 'site.json.last-good' },
      })
    }, WAIT)
    await expect(device('remove', 'b3')).rejects.toThrow('Correct that first')
    // A restart goes by the last good one as well.
    await hub.kill()
    hub = await start()
    expect(await health()).toMatchObject({ status: 'failing', site: { devices: 5_002 } })
    edit('"fr"', '"en"')
    await vi.waitFor(async () => {
      expect(await health()).toMatchObject({ status: 'ok', site: { source: 'site.json', restartNeeded: ['language'] } })
    }, WAIT)
  })
})

needs('script', 'bsdutils')('linli init on a terminal', () => {
  it('asks, says what is wrong with an answer, and takes defaults; ended early it leaves nothing', async () => {
    const dir = join(mkdtempSync(join(tmpdir(), 'linli-init-')), 'data')
    const early = await onTerminal(dir, [
      ['[hub]', 'king\n'],
      ['allowed: hub, gateway, both', '\n'],
      ['street', '\u0004'],
    ])
    expect(early.code).toBe(2)
    expect(early.said).toContain('nothing was written')
    expect(existsSync(dir)).toBe(false)
    const { said, code } = await onTerminal(dir, [
      ['[hub]', 'both\n'],
      ['street/community/estate', 'Nonsense\n'],
      ['Nonsense', 's/c/e\n'],
      ['[hub-1]', '\n'],
      ['[en]', 'zh\n'],
      ['time zone', 'Asia/Shanghai\n'],
      ['[gw-1]', 'east\n'],
    ])
    expect(code).toBe(0)
    expect(said).toContain('next: linli hub')
    const made = JSON.parse(readFileSync(join(dir, 'site.json'), 'utf8')) as object
    expect(made).toMatchObject({ site: 's/c/e', name: 'hub-1', language: 'zh', timeZone: 'Asia/Shanghai' })
    // The gateway of the same box: in the site, and told where it belongs.
    expect(made).toMatchObject({ gateways: { east: { boards: [], devices: [] } } })
    const config = join(dir, 'gateway', 'gateway.json')
    expect(await linli('gateway', ['--config', config, '--check'])).toContain('good')
    await expect(
      linli('init', ['--data', join(dir, 'gateway'), '--role', 'gateway', '--site', 's/c/e']),
    ).rejects.toThrow('is there already')
    rmSync(join(dir, '..'), { recursive: true, force: true })
  })
})

/** Runs `linli init` in a pseudo-terminal, giving each answer once the program has said what it answers. */
async function onTerminal(dir: string, answers: Array<[after: string, answer: string]>) {
  const program = fileURLToPath(new URL('../../hub/cli/linli.js', import.meta.url))
  const command = `'${process.execPath}' '${program}' init --data '${dir}'`
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    env: { ...process.env, VITEST: '', LINLI_LANG: 'en', TERM: 'dumb' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let said = ''
  let from = 0
  child.stdout.on('data', (bytes: Buffer) => {
    said += bytes.toString('utf8')
    for (let [next] = answers; next && said.indexOf(next[0], from) >= 0; [next] = answers) {
      from = said.length
      answers.shift()
      child.stdin.write(next[1])
    }
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { said, code }
}
