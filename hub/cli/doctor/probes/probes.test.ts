import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openAuthority } from '../../../authority/authority.ts'
import type { HubReport } from '../../../counter/report.ts'
import { keepStatus } from '../../../lifeline/status-file.ts'
import { examine, type Finding, type Patient } from '../finding.ts'
import { hubOf, ownBroker } from './broker.ts'
import * as certificates from './certificates.ts'
import * as clock from './clock.ts'
import * as disk from './disk.ts'
import * as flows from './flows.ts'
import { hub } from './hub.ts'
import { lifeline } from './lifeline.ts'
import { holderOf, portsOf } from './ports.ts'
import { secrets } from './secrets.ts'
import { serial } from './serial.ts'
import { upstreams } from './upstreams.ts'
import * as wear from './wear.ts'

/** Each probe on real files and sockets, with what it is for and what it is not. */

let root: string
let patient: Patient
const { signal } = new AbortController()

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'linli-doctor-'))
  const dataDir = join(root, 'data')
  mkdirSync(dataDir, { mode: 0o700 })
  patient = { dataDir, role: 'hub', report: undefined, serialPorts: [], secretFiles: [], root }
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const put = (name: string, text: string, mode = 0o600) => {
  mkdirSync(dirname(join(root, name)), { recursive: true })
  writeFileSync(join(root, name), text)
  chmodSync(join(root, name), mode)
}
const codes = (findings: Finding[]) => findings.map(({ level, code }) => `${level} ${code}`)
const report = (details: Record<string, unknown>, doors: HubReport['doors'] = []): HubReport => ({
  type: 'report',
  pid: 1,
  doors,
  problems: [],
  details,
})

describe('the examination', () => {
  it('says of a probe that hangs, or fails, that it does, and goes on with the others', async () => {
    const probes = {
      hangs: () => new Promise<Finding[]>(() => undefined),
      fails: () => Promise.reject(new Error('EACCES')),
      works: async () => [clock.judge(Date.UTC(2030, 0), true)],
    }
    const found = await examine(probes, patient, 20)
    expect(found.map(({ probe, code }) => [probe, code])).toEqual([
      ['hangs', 'PROBE_SLOW'],
      ['fails', 'PROBE_FAILED'],
      ['works', 'CLOCK_SYNCED'],
    ])
  })
})

describe('the clock', () => {
  it.each([
    [Date.UTC(2026, 5), true, 'ok CLOCK_SYNCED'],
    [Date.UTC(2026, 5), false, 'warning CLOCK_UNSYNCED'],
    [Date.UTC(2026, 5), undefined, 'warning CLOCK_UNSYNCED'],
    [Date.UTC(1970, 0), true, 'error CLOCK_WRONG'],
  ])('at %d, synchronised %s, is %s', (now_ms, synchronised, said) => {
    expect(codes([clock.judge(now_ms, synchronised)])).toEqual([said])
  })
  it('of this machine is judged', async () => {
    expect((await clock.clock(patient, signal))[0]?.code).toMatch(/^CLOCK_/)
  })
})

describe('the disk', () => {
  const fine = { role: 'hub', isWritable: true, free_bytes: 5e9, filesFree: 1e6, given: [] } as const
  it.each([
    [{}, 'ok DISK_ROOM'],
    [{ free_bytes: 5e8 }, 'warning DISK_LOW'],
    [{ free_bytes: 5e8, role: 'gateway' as const }, 'ok DISK_ROOM'],
    [{ free_bytes: 1e6 }, 'error DISK_FULL'],
    [{ isWritable: false }, 'error DISK_READ_ONLY'],
    [{ filesFree: 3 }, 'error DISK_FILES'],
  ])('with %o is %s', (change, said) => {
    expect(codes(disk.judge({ ...fine, ...change }))).toContain(said)
  })
  it('has a journal that gave up a reserve', async () => {
    for (const name of ['journal.db', 'reserve-entries', 'reserve-tidying']) put(`data/journal/${name}`, 'x')
    const found = await disk.disk(patient, signal)
    expect(found.find(({ code }) => code === 'DISK_RESERVE_GONE')?.says.en).toContain('reserve-first')
  })
})

describe('the wear', () => {
  const DAY_S = '86400.00 1.0'
  const stat = (sectors: number) => `1 2 3 4 5 6 ${sectors} 8 9 10 11`
  it('is read from the kernel: a card that is written much, and one at its end', async () => {
    put('proc/uptime', DAY_S)
    // 32 GB, and 20 GB a day of it.
    put('sys/block/mmcblk0/size', '62500000')
    put('sys/block/mmcblk0/stat', stat(39_062_500))
    put('sys/block/mmcblk1/size', '62500000')
    put('sys/block/mmcblk1/stat', stat(100))
    put('sys/block/mmcblk1/device/life_time', '0x01 0x0b\n')
    put('sys/block/sda/stat', stat(39_062_500))
    put('sys/block/loop0/stat', stat(39_062_500))
    const found = await wear.wear(patient, signal)
    expect(codes(found).toSorted()).toEqual(['error CARD_WORN', 'ok WEAR_FINE', 'warning CARD_WRITTEN_MUCH'])
    expect(found.find(({ code }) => code === 'CARD_WRITTEN_MUCH')?.says.en).toContain('20.0 GB a day')
  })
  it('goes by what was counted over restarts, and says what the years are worth', async () => {
    put('proc/uptime', '60.0 1.0')
    put('sys/block/mmcblk0/size', '62500000')
    put('sys/block/mmcblk0/stat', stat(100_000))
    const counted = { written_bytes: 30e9, over_s: 30 * 86_400, seen_bytes: 0, seen_s: 0, boot: 'a' }
    put('data/wear.json', JSON.stringify({ mmcblk0: counted }))
    const [found] = await wear.wear(patient, signal)
    expect(found?.says.en).toBe(
      'mmcblk0: 30.0 GB written in 30.0 days; at 500 cycles and a write amplification of 2 it lasts about 22 years',
    )
  })
  it('says nothing of a day in the first hour', () => {
    const found = { name: 'mmcblk0', written_bytes: 1e9, size_bytes: 32e9, over_s: 60, life: [] }
    expect(codes(wear.judge(found))).toEqual(['ok WEAR_FINE'])
    expect(codes(wear.judge({ ...found, life: [9] }))).toEqual(['warning CARD_WORN'])
  })
})

describe('the way of alarms', () => {
  it('is told as the process found it last, a silent gateway too, and whether the hardware watchdog runs', async () => {
    expect(codes(await lifeline(patient, signal))).toEqual(['ok ALARM_WAY_UNKNOWN', 'ok WATCHDOG_NONE'])
    keepStatus(patient.dataDir, { info() {}, error() {} })('proven')
    put('sys/class/watchdog/watchdog0/state', 'inactive\n')
    put('sys/class/watchdog/watchdog0/identity', 'Broadcom BCM2835 Watchdog timer\n')
    const running = { ...patient, report: report({ alarmWays: { 'gw-1': 20, 'gw-2': 900 } }) }
    expect(codes(await lifeline(running, signal))).toEqual([
      'ok ALARM_WAY_PROVEN',
      'warning ALARM_WAY_SILENT',
      'warning WATCHDOG_IDLE',
    ])
    keepStatus(patient.dataDir, { info() {}, error() {} })('lost')
    put('sys/class/watchdog/watchdog0/state', 'active\n')
    expect(codes(await lifeline(patient, signal))).toEqual(['error ALARM_WAY_LOST', 'ok WATCHDOG_ACTIVE'])
  })
})

describe('the secrets', () => {
  it('are found wherever others may read them', async () => {
    put('data/registry.json', '{}')
    put('data/authority/ca.key', 'key')
    put('gateway.json', '{}')
    const closed = { ...patient, secretFiles: [join(root, 'gateway.json')] }
    expect(codes(await secrets(closed, signal))).toEqual(['ok SECRETS_CLOSED'])
    put('data/registry.json', '{}', 0o640)
    put('data/authority/ca.key', 'key', 0o644)
    put('gateway.json', '{}', 0o604)
    chmodSync(patient.dataDir, 0o755)
    const found = await secrets(closed, signal)
    expect(codes(found)).toEqual(['warning FOLDER_OPEN', 'error SECRET_OPEN', 'error SECRET_OPEN', 'error SECRET_OPEN'])
    expect(found.map(({ advice }) => advice?.en)).toContain(`chmod 600 '${join(patient.dataDir, 'authority/ca.key')}'`)
  })
})

describe('sockets', () => {
  let server: Server
  const sockets = new Set<Socket>()
  const listen = async (onSocket: (socket: Socket) => void) => {
    server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined)
      onSocket(socket)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return { name: 'mqtt', host: '127.0.0.1', port: (server.address() as AddressInfo).port } as const
  }
  afterEach(async () => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  })

  it('that are taken are named with who has them, and free ones are free', async () => {
    const door = await listen(() => undefined)
    const real = { ...patient, root: '/' }
    const [taken] = await portsOf([door])(real, signal)
    expect(taken).toMatchObject({ level: 'error', code: 'PORT_TAKEN' })
    expect(taken?.says.en).toContain(`(${process.pid})`)
    expect(await holderOf(door.port, '/')).toContain(`(${process.pid})`)
    await new Promise((resolve) => server.close(resolve))
    expect(codes(await portsOf([door])(real, signal))).toEqual(['ok PORT_FREE'])
    expect(codes(await portsOf([{ ...door, host: '192.0.2.1' }])(real, signal))).toEqual(['error PORT_FORBIDDEN'])
  })
  it('of a hub that runs have to answer', async () => {
    const door = await listen(() => undefined)
    const running = { ...patient, report: report({}, [door]) }
    expect(codes(await portsOf([])(running, signal))).toEqual(['ok PORT_OPEN'])
    await new Promise((resolve) => server.close(resolve))
    expect(codes(await portsOf([])(running, signal))).toEqual(['error PORT_SILENT'])
  })
  it('are of a broker only when a CONNECT is answered', async () => {
    const heard: Buffer[] = []
    const door = await listen((socket) =>
      socket.on('data', (bytes: Buffer) => {
        heard.push(bytes)
        socket.write(Buffer.from([0x20, 2, 0, 1]))
      }),
    )
    expect(codes(await ownBroker({ ...patient, report: report({}, [door]) }, signal))).toEqual(['ok BROKER_ANSWERS'])
    expect(heard[0]?.subarray(4, 8).toString()).toBe('MQTT')
  })
  it('that say something else, or nothing and close, are no broker', async () => {
    const web = await listen((socket) => socket.write('HTTP/1.1 400\r\n'))
    expect(codes(await hubOf(web, undefined)(patient, signal))).toEqual(['error BROKER_AWAY'])
    await new Promise((resolve) => {
      server.close(resolve)
      for (const socket of sockets) socket.destroy()
    })
    const shut = await listen((socket) => socket.end())
    expect(codes(await hubOf(shut, undefined)(patient, signal))).toEqual(['error BROKER_AWAY'])
  })
  it('that never say a word cost no more than the time of a probe', async () => {
    const mute = await listen(() => undefined)
    const found = await examine({ broker: hubOf(mute, { authority: undefined }) }, patient, 50)
    expect(codes(found)).toEqual(['error PROBE_SLOW'])
  })
})

describe('the certificates', () => {
  const now_ms = Date.now()
  const make = () => openAuthority(patient.dataDir, { site: 's/c/e', hosts: ['localhost'], now_ms })
  const file = (name: string) => join(patient.dataDir, 'authority', name)
  it('are good, missing, damaged, of another key or of another authority', async () => {
    expect(codes(await certificates.ofHub(patient, signal))).toEqual(['ok AUTHORITY_NONE'])
    await make()
    expect(codes(await certificates.ofHub(patient, signal))).toEqual(['ok CERTIFICATE_GOOD', 'ok CERTIFICATE_GOOD'])
    const hubKey = readFileSync(file('hub.key'))
    writeFileSync(file('hub.key'), readFileSync(file('ca.key')))
    expect(codes(await certificates.ofHub(patient, signal))).toEqual(['ok CERTIFICATE_GOOD', 'error CERTIFICATE_KEY'])
    writeFileSync(file('hub.key'), hubKey)
    writeFileSync(file('ca.key'), '')
    expect(codes(await certificates.ofHub(patient, signal))[0]).toBe('error CERTIFICATE_DAMAGED')
  })
  it('end one day, and are not of any authority', async () => {
    await make()
    const [certificate, key, issuer] = ['hub.crt', 'hub.key', 'ca.crt'].map((name) => readFileSync(file(name), 'utf8'))
    const pair = { name: 'hub', certificate: certificate ?? '', key: key ?? '', issuer: issuer ?? '' }
    const at = (days: number, one = pair) =>
      codes([certificates.judge(one, now_ms + days * 86_400_000, { zh: '', en: '' })])
    expect(at(0)).toEqual(['ok CERTIFICATE_GOOD'])
    expect(at(350)).toEqual(['warning CERTIFICATE_SOON'])
    expect(at(370)).toEqual(['error CERTIFICATE_EXPIRED'])
    expect(at(-30)).toEqual(['error CERTIFICATE_EARLY'])
    expect(at(0, { ...pair, issuer: pair.certificate })).toEqual(['error CERTIFICATE_ISSUER'])
  })
})

describe('serial lines', () => {
  it('are there and usable, or missing', async () => {
    mkdirSync(join(root, 'dev'))
    expect(codes(await serial(patient, signal))).toEqual(['ok SERIAL_NONE'])
    symlinkSync('/dev/null', join(root, 'dev/ttyUSB0'))
    expect(codes(await serial(patient, signal))).toEqual(['ok SERIAL_USABLE'])
    const asked = { ...patient, serialPorts: [join(root, 'dev/ttyACM7'), join(root, 'dev/ttyUSB0')] }
    expect(codes(await serial(asked, signal)).toSorted()).toEqual(['error SERIAL_MISSING', 'ok SERIAL_USABLE'])
  })
})

describe('what the hub says of itself', () => {
  it('is passed on', async () => {
    expect(codes(await hub(patient, signal))).toEqual(['warning HUB_STOPPED'])
    expect(codes(await hub({ ...patient, report: 'silent' }, signal))).toEqual(['error HUB_SILENT'])
    expect(codes(await hub({ ...patient, report: report({}) }, signal))).toEqual(['ok HUB_HEALTHY'])
    const failing = { ...report({}), problems: ['JOURNAL_IO'] }
    const [found] = await hub({ ...patient, report: failing }, signal)
    expect(found).toMatchObject({ code: 'HUB_FAILING', says: { en: 'the hub says: JOURNAL_IO' } })
  })
  it('includes its platforms and its flows', async () => {
    const told = {
      upstreams: [
        { name: 'city', connected: true },
        { name: 'street', connected: false, reason: 'ECONNREFUSED' },
      ],
    }
    const found = await upstreams({ ...patient, report: report(told) }, signal)
    expect(codes(found)).toEqual(['ok UPSTREAM_CONNECTED', 'error UPSTREAM_AWAY'])
    expect(found[1]?.says.en).toContain('ECONNREFUSED')
    expect(
      codes([flows.judge('off'), flows.judge({ status: 'running' }), flows.judge({ status: 'restarting' })]),
    ).toEqual(['ok FLOWS_OFF', 'ok FLOWS_RUN', 'warning FLOWS_DOWN'])
    const stopped = flows.judge({ status: 'running', flows: 'stopped', reason: 'missing-types: gone' })
    const at = '2026-11-30T08:00:00.000Z'
    const fell_back = { from: 7, to: 6, user: 'wang', cause: 'crash', at }
    const left = flows.judge({ status: 'running', flows: 'started', fell_back })
    expect(codes([stopped, left])).toEqual(['warning FLOWS_STOPPED', 'warning FLOWS_FELL_BACK'])
    expect(stopped.says.en).toContain('missing-types: gone')
    expect(left.advice?.zh).toContain('linli flows diff 6 7')
  })
  it('is read from the file of platforms when none runs', async () => {
    expect(await upstreams(patient, signal)).toEqual([])
    put('data/upstreams.json', '{')
    expect(codes(await upstreams(patient, signal))).toEqual(['error UPSTREAMS_INVALID'])
  })
})
