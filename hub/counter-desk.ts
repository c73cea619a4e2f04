import { atAudit, auditRequest } from './audit/counter.ts'
import { accountRequest, auditedAccounts } from './auth/accounts-counter.ts'
import { atCopy, copyRequest } from './backup/counter.ts'
import { LinliError, reasonOf } from './contract/errors.ts'
import { type Counter, openCounter } from './counter/counter.ts'
import { type HubReport, reportRequest } from './counter/report.ts'
import { audited } from './credentials/audited.ts'
import { atCredentials, credentialRequest } from './credentials/counter.ts'
import { atEnrolment, type EnrolmentDesk, enrolmentRequest } from './enrolment/counter.ts'
import { atFlows, type FlowsDoor, flowsRequest } from './flows-counter.ts'
import type { HistoryBackend } from './history/types.ts'
import type { Hub, HubLogger } from './hub.ts'
import type { Log } from './journal/types.ts'
import { personRequest } from './people/counter.ts'
import type { PeopleSide } from './people/side.ts'
import { atReaders, readerRequest } from './readers/counter.ts'
import type { Registry } from './registry/registry.ts'
import type { SecureSide } from './secure-side.ts'
import { atSite, siteRequest } from './site/counter.ts'
import type { RunningSite } from './site/running.ts'
import { atVersion, versionRequest } from './update/counter.ts'
import { atUpstreams, upstreamRequest } from './upstream/counter.ts'

/** What the command line may ask of a hub that runs, and who answers it. */
export interface CounterParts {
  hub: Hub
  log: Log
  history: Pick<HistoryBackend, 'copyTo'>
  registry: Registry
  people: PeopleSide
  site: RunningSite | undefined
  /** Undefined with `--dev`, and while the hub starts. */
  secure: () => SecureSide | undefined
  report: () => HubReport
  /** Undefined: the request is about something else. */
  commissioning: (request: unknown) => Promise<object> | undefined
  flows: FlowsDoor
}

/** Without it nobody can ask a running hub for credentials and readers; alarms come and go all the same. */
export async function openedCounter(dir: string, parts: CounterParts, logger: HubLogger): Promise<Counter | undefined> {
  const { hub, registry, people } = parts
  const { credentials, desk, devices } = hub
  try {
    return await openCounter(dir, async (value) => {
      if (reportRequest(value)) return parts.report()
      const copy = copyRequest(value)
      const { log, history } = parts
      if (copy) return atCopy({ log, audit: hub.audit, registry, archive: hub.incidents.archive, history }, copy)
      const version = versionRequest(value)
      if (version) return atVersion(hub.audit, version)
      const page = auditRequest(value)
      if (page) return atAudit(hub.audit, page)
      const request = readerRequest(value)
      if (request) return atReaders({ devices, send: (command) => desk.send(command) }, request)
      const asked = upstreamRequest(value)
      if (asked) return atUpstreams(hub.upstreams, asked)
      const accounts = accountRequest(value)
      if (accounts) return auditedAccounts(hub.audit, registry, accounts)
      const person = personRequest(value)
      if (person) return people.at(person)
      const site = siteRequest(value)
      if (site) return atSite(storeOf(parts), hub.audit, site, parts.site?.gateways())
      const flows = flowsRequest(value)
      if (flows) return atFlows(parts.flows, flows)
      const commission = parts.commissioning(value)
      if (commission) return commission
      const enrolment = enrolmentRequest(value)
      if (enrolment) return atEnrolment(enrolmentDesk(parts, registry), enrolment)
      if (credentials) return atCredentials(audited(credentials, hub.audit), credentialRequest(value))
      throw new LinliError('CREDENTIALS_KEY', 'this hub has no credentials', { kind: 'fault' })
    })
  } catch (error) {
    logger.error(
      { error: reasonOf(error) },
      'linli user, client, credential, device, flows and reader cannot reach this hub while it runs',
    )
    return undefined
  }
}

/** @throws {LinliError} SITE_MISSING */
function storeOf({ site }: CounterParts): RunningSite['store'] {
  if (site) return site.store
  const message = 'this hub was started without a site.json; linli init makes one, then start it again'
  throw new LinliError('SITE_MISSING', message, { kind: 'caller' })
}

/** @throws {LinliError} ENROL_DEV */
function enrolmentDesk({ secure: opened }: CounterParts, registry: Registry): EnrolmentDesk {
  const secure = opened()
  if (!secure) {
    const message = 'this hub runs with --dev, or still starts: it has no certificates to give out'
    throw new LinliError('ENROL_DEV', message, { kind: 'caller' })
  }
  const { enrolment, authority, httpsPort } = secure
  return { enrolment, fingerprint: authority.fingerprint, httpsPort, registry, now_ms: Date.now }
}
