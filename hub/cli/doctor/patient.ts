import { readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { decodeJson } from '../../contract/decode.ts'
import { LinliError, reasonOf } from '../../contract/errors.ts'
import { checker } from '../../contract/schema.ts'
import { type Static, Type } from '../../contract/type.ts'
import { askCounter, type Refused } from '../../counter/counter.ts'
import type { Door, HubReport } from '../../counter/report.ts'
import { openFolder } from '../../journal/folder.ts'
import { readSite } from '../../site/site-file.ts'
import { type Finding, type Patient, PROBE_MS, type Probe, wrong } from './finding.ts'
import { hubOf, ownBroker } from './probes/broker.ts'
import { ofGateway, ofHub } from './probes/certificates.ts'
import { clock } from './probes/clock.ts'
import { disk } from './probes/disk.ts'
import { flows } from './probes/flows.ts'
import { hub } from './probes/hub.ts'
import { lifeline } from './probes/lifeline.ts'
import { portsOf } from './probes/ports.ts'
import { secrets } from './probes/secrets.ts'
import { serial } from './probes/serial.ts'
import { upstreams } from './probes/upstreams.ts'
import { wear } from './probes/wear.ts'
import type { Peer, Trust } from './wire.ts'

/** What is to be looked at, and by which probes: a hub by its data folder, a gateway by its configuration. */
export interface Examination {
  patient: Patient
  probes: Readonly<Record<string, Probe>>
}

const machine = { clock, disk, wear, secrets, lifeline }

/** @throws {LinliError} DATA_MISSING */
export async function hubExamination(dataDir: string): Promise<Examination> {
  await isFolder(dataDir)
  const [report, site] = await Promise.all([askHub(dataDir), siteOf(dataDir)])
  return {
    patient: { dataDir, role: 'hub', report, serialPorts: [], secretFiles: [], root: '/' },
    probes: {
      hub,
      ...machine,
      site: async () => site.findings,
      ports: portsOf(site.doors),
      certificates: ofHub,
      broker: ownBroker,
      upstreams,
      flows,
      serial,
    },
  }
}

async function isFolder(dataDir: string): Promise<void> {
  const found = await stat(dataDir).catch(() => undefined)
  if (found?.isDirectory()) return
  throw new LinliError('DATA_MISSING', `there is no data folder ${dataDir}`, { kind: 'caller' })
}

/** A hub that is stopped in the middle holds its socket open and says nothing. */
async function askHub(dataDir: string): Promise<Patient['report']> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const silent = new Promise<'silent'>((resolve) => {
    timer = setTimeout(() => resolve('silent'), PROBE_MS / 2)
  })
  try {
    const answer = await Promise.race([askCounter<HubReport>(dataDir, { type: 'report' }), silent])
    if (answer === 'silent') return answer
    return isReport(answer) ? answer : 'silent'
  } catch (error) {
    if (error instanceof LinliError && error.code === 'COUNTER_CLOSED') return undefined
    throw error
  } finally {
    clearTimeout(timer)
  }
}

function isReport(answer: HubReport | Refused): answer is HubReport {
  return answer.type === 'report'
}

/** As `linli hub` opens them without flags. */
const DOORS = { mqttsPort: 8883, httpsPort: 8443, httpPort: 8080 }

/** What `linli hub --data DIR` would open. */
async function siteOf(dataDir: string): Promise<{ doors: Door[]; findings: Finding[] }> {
  const findings: Finding[] = []
  const config = await openFolder(dataDir)
    .then(readSite)
    .then((read) => read?.config)
    .catch((error: unknown) => {
      const reason = reasonOf(error)
      const says = { zh: `小区配置有误:${reason}`, en: reason }
      const file = join(dataDir, 'site.json')
      const advice = { zh: `改正 ${file}`, en: `mend ${file}; until then the last good one is in use` }
      findings.push(wrong('error', 'SITE_INVALID', says, advice))
      return undefined
    })
  const { host = '0.0.0.0', mqttPort, ...given } = config?.listen ?? {}
  const ports = { ...DOORS, ...given }
  const doors: Door[] = [
    { name: 'mqtts', host, port: ports.mqttsPort },
    { name: 'https', host, port: ports.httpsPort },
    { name: 'http', host: '127.0.0.1', port: ports.httpPort },
    { name: 'mqtt', host: '127.0.0.1', port: mqttPort ?? 0 },
  ]
  // 0 stands for any free port.
  return { findings, doors: doors.filter(({ port }) => port !== 0) }
}

const Lines = Type.Optional(Type.Array(Type.Object({ port: Type.String() })))
/** Of a gateway's configuration what matters here; `linli gateway --check` judges the whole. */
const GatewayFile = Type.Object({
  data: Type.String({ minLength: 1 }),
  uplink: Type.Optional(Type.Object({ url: Type.String(), password: Type.Optional(Type.String()) })),
  boards: Lines,
  buses: Lines,
  readerBuses: Lines,
})
const checkGateway = checker(GatewayFile, 'CONFIG_INVALID')
const Identity = Type.Object({
  gateway: Type.String(),
  hub: Type.Object({ host: Type.String(), mqttsPort: Type.Integer() }),
  certificate: Type.String(),
  key: Type.String(),
  authority: Type.String(),
})
const checkIdentity = checker(Identity, 'IDENTITY_DAMAGED')

/** @throws {LinliError} CONFIG_INVALID, DATA_MISSING */
export async function gatewayExamination(file: string): Promise<Examination> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new LinliError('CONFIG_INVALID', reasonOf(error), { kind: 'caller' })
  })
  const json = decodeJson(bytes)
  const checked = json.ok ? checkGateway(json.value) : json
  if (!checked.ok) throw new LinliError('CONFIG_INVALID', `${file}: ${checked.error.message}`, { kind: 'caller' })
  const { data, uplink, boards = [], buses = [], readerBuses = [] } = checked.value
  const dataDir = resolve(data)
  await isFolder(dataDir)
  // A line of a network (tcp://…) is no device file.
  const serialPorts = [...boards, ...buses, ...readerBuses]
    .map(({ port }) => port)
    .filter((port) => port.startsWith('/'))
  const secretFiles = uplink?.password === undefined ? [] : [resolve(file)]
  return {
    patient: { dataDir, role: 'gateway', report: undefined, serialPorts, secretFiles, root: '/' },
    probes: { ...machine, ...(await identityProbes(dataDir, uplink?.url)), serial },
  }
}

async function identityProbes(dataDir: string, url: string | undefined): Promise<Record<string, Probe>> {
  const bytes = await readFile(join(dataDir, 'identity.json')).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (!bytes) return url === undefined ? { identity: async () => [notEnrolled] } : { broker: byUrl(url) }
  const json = decodeJson(bytes)
  const checked = json.ok ? checkIdentity(json.value) : json
  if (!checked.ok) return { identity: async () => [damaged(checked.error.message)] }
  const identity: Static<typeof Identity> = checked.value
  const peer: Peer = { host: identity.hub.host, port: identity.hub.mqttsPort }
  const trust: Trust = { authority: identity.authority, identity }
  const { gateway: name, certificate, key, authority: issuer } = identity
  return { certificates: ofGateway({ name, certificate, key, issuer }), broker: hubOf(peer, trust) }
}

function byUrl(text: string): Probe {
  const { hostname, port, protocol } = new URL(text)
  const isSecure = protocol === 'mqtts:'
  const peer = { host: hostname, port: Number(port || (isSecure ? 8883 : 1883)) }
  return hubOf(peer, isSecure ? { authority: undefined } : undefined)
}

const enrol = {
  zh: '在枢纽上运行 linli enrol code,然后在此运行 linli gateway claim',
  en: 'linli enrol code at the hub, then linli gateway claim here',
}

const notEnrolled: Finding = wrong(
  'error',
  'NOT_ENROLLED',
  { zh: '网关尚未在枢纽登记', en: 'this gateway has not enrolled at a hub' },
  enrol,
)

function damaged(reason: string): Finding {
  return wrong(
    'error',
    'IDENTITY_DAMAGED',
    { zh: `identity.json 损坏:${reason}`, en: `identity.json: ${reason}` },
    enrol,
  )
}
