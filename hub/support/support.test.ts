import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { makeBundle, type SupportSources } from './bundle.ts'

/** Secrets of every kind, planted wherever one could stand, and looked for in the bundle in every clothing. */

const dir = mkdtempSync(join(tmpdir(), 'linli-support-test-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const SECRETS = {
  site: 'gate-code-4711-zhang',
  person: '张三丰 13800138000',
  upstream: 'upstream-p4ssword',
  key: '-----BEGIN PRIVATE KEY-----MIGHAgEAMBMGByqGSM49',
  hash: 'a3f1c09be4d27786551204ffaa98b3c1',
  plate: '京A12345',
  client: 'li-mei-iphone-badge',
  unknown: 'n0b0dy-thought-of-this',
}
const all = Object.values(SECRETS)

function plant(): string {
  const dataDir = join(dir, 'data')
  for (const folder of ['journal', 'authority', 'credentials', SECRETS.site])
    mkdirSync(join(dataDir, folder), { recursive: true })
  const put = (name: string, text: string) => writeFileSync(join(dataDir, name), text)
  put('journal/journal.db', all.join('\n'))
  put('authority/ca.key', SECRETS.key)
  put('credentials.key', SECRETS.hash)
  put('registry.json', JSON.stringify({ clients: { city: { secret: SECRETS.hash } } }))
  put('people.json', JSON.stringify({ [SECRETS.person]: SECRETS.hash }))
  put('upstreams.json', JSON.stringify([{ url: `mqtt://u:${SECRETS.upstream}@district.example` }]))
  put(`${SECRETS.site}/note.txt`, all.join('\n'))
  put(`${SECRETS.client}.txt`, all.join('\n'))
  return dataDir
}

const site = {
  version: 1,
  site: 's/c/e',
  name: 'hub-1',
  language: 'zh',
  timeZone: 'Asia/Shanghai',
  listen: { host: SECRETS.unknown, httpsPort: 8443 },
  upstreams: [
    { name: 'city', url: `mqtts://u:${SECRETS.upstream}@d.example`, password: SECRETS.upstream, ca: SECRETS.key },
  ],
  [SECRETS.unknown]: SECRETS.unknown,
  gateways: {
    'gw-1': {
      boards: [{ id: 'board-a', port: '/dev/serial/by-id/usb-Arduino', baud: 57600, note: SECRETS.site }],
      buses: [{ id: 'bus-a', port: `tcp://u:${SECRETS.upstream}@10.0.0.1:502` }],
      cameras: { list: [{ id: 'cam-1', gate: 'v1', tokenFile: SECRETS.key, token: SECRETS.hash }] },
      credentials: { keyFile: `/etc/${SECRETS.hash}` },
      devices: [{ kind: 'alarm-button', id: 'b1', board: 'board-a', contactPin: 2, place: { label: SECRETS.person } }],
    },
    [SECRETS.person]: { boards: [] },
  },
}
const log = [
  { level: 30, time: 1, hub: 'hub-1', code: 'JOURNAL_FULL', msg: `refused ${SECRETS.plate}`, error: SECRETS.upstream },
  { level: 30, time: 2, gateway: SECRETS.person, device: 'b1', msg: SECRETS.key, [SECRETS.unknown]: SECRETS.unknown },
]
const audit = [
  {
    sequence: 1,
    time: '2026-01-01T00:00:00.000Z',
    kind: 'login',
    action: 'login',
    actor: `person:${SECRETS.person}`,
    source: SECRETS.client,
    target: SECRETS.plate,
    outcome: 'refused',
    detail: { secret: SECRETS.hash },
    prev: SECRETS.hash.repeat(2),
    hash: SECRETS.hash.repeat(2),
  },
]
const metrics = [
  '# HELP linli_x what',
  'linli_journal_entries{lane="alarm"} 12',
  `linli_mqtt_session_messages{client="${SECRETS.client}"} 3`,
  `linli_upstream_lag_entries{upstream="mqtt://u:${SECRETS.upstream}@d",lane="alarm"} 4`,
  `other_metric{secret="${SECRETS.unknown}"} 1`,
  'process_resident_memory_bytes 1.5e+8',
].join('\n')

const sources = (): SupportSources => ({
  version: '0.1.0',
  dataDir: plant(),
  role: 'hub',
  config: async () => JSON.stringify(site),
  doctor: async () =>
    JSON.stringify({
      ok: 1,
      findings: [{ probe: 'site', level: 'error', code: 'SITE_INVALID', message: all.join(), advice: all.join() }],
    }),
  metrics: async () => metrics,
  logs: async () => `${log.map((line) => JSON.stringify(line)).join('\n')}\n${SECRETS.key}\n`,
  auditLines: async () => audit.map((line) => JSON.stringify(line)),
})

describe('a support bundle', () => {
  it('has no secret in it, in no clothing, and still what helps', async () => {
    const out = join(dir, 'support.tar.gz')
    const made = await makeBundle(sources(), out)
    expect(made.missing).toEqual({})
    expect(statSync(out).mode & 0o777).toBe(0o600)
    const unpacked = join(dir, 'unpacked')
    mkdirSync(unpacked)
    execFileSync('tar', ['-xzf', out, '-C', unpacked])
    const text = (name: string) => readFileSync(join(unpacked, name), 'utf8')
    const names = readdirSync(unpacked)
    const everything = names.map((name) => `${name}\n${text(name)}`).join('\n')
    for (const secret of all) {
      const bytes = Buffer.from(secret)
      const clothings = [
        secret,
        encodeURIComponent(secret),
        JSON.stringify(secret).slice(1, -1),
        bytes.toString('hex'),
        bytes.toString('hex').toUpperCase(),
        // In the midst of other bytes base64 has three forms; the first and last characters depend on the neighbours.
        ...[0, 1, 2].map((shift) =>
          Buffer.concat([Buffer.alloc(shift), bytes])
            .toString('base64')
            .slice(4, -4),
        ),
        // And parts of it, long enough to be no accident.
        secret.slice(0, 9),
        secret.slice(-9),
      ]
      for (const clothing of clothings) expect(everything, secret).not.toContain(clothing)
    }
    expect(names.toSorted()).toEqual(
      [
        'audit.jsonl',
        'box.json',
        'config.json',
        'contents.json',
        'data.json',
        'doctor.json',
        'log.jsonl',
        'metrics.txt',
      ].toSorted(),
    )
    expect(text('metrics.txt')).toContain('linli_journal_entries{lane="alarm"} 12')
    expect(text('metrics.txt')).toContain('linli_mqtt_session_messages{} 3')
    expect(JSON.parse(text('config.json'))).toMatchObject({
      gateways: { 'gw-1': { devices: [{ id: 'b1', contactPin: 2 }] } },
    })
    expect(JSON.parse(text('doctor.json'))).toMatchObject({ findings: [{ code: 'SITE_INVALID' }] })
    expect(text('log.jsonl')).toContain('JOURNAL_FULL')
    expect(JSON.parse(text('data.json'))).toMatchObject({ files: { 'journal/journal.db': expect.any(Number) } })
  })

  it('is made of what can be had when the hub does not answer, and says by code what could not', async () => {
    const out = join(dir, 'partly.tar.gz')
    const broken = {
      ...sources(),
      doctor: () => Promise.reject(new Error(SECRETS.key)),
      config: async () => `{"x": "${SECRETS.site}`,
    }
    const made = await makeBundle(broken, out)
    expect(made.missing).toEqual({ 'doctor.json': 'FAILED', 'config.json': 'FAILED' })
    expect(JSON.stringify(made)).not.toContain(SECRETS.site)
    await expect(makeBundle(broken, out)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })
})
