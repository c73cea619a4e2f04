import { HUB_HOST } from '../../hub/contract/enrolment.ts'
import { reasonOf } from '../../hub/contract/errors.ts'
import type { LinkSecrets } from '../../hub/journal/shipper/mqtt-link.ts'
import type { Logger } from '../ports/logger.ts'
import { type IdentityDeps, isRenewalDue, renewIdentity } from './claim.ts'
import type { IdentityFile } from './file.ts'

/** The identity of a running gateway: what it shows its hub at each connection, renewed in good time by itself. */
export interface Identity {
  readonly url: string
  /** PEM of the authority at which it enrolled. */
  readonly authority: string
  secrets(): LinkSecrets
  start(): void
  close(): void
}

/** A third of a certificate's life is months: a hub that is away for days costs nothing. */
const CHECK_MS = 6 * 3600_000

export function createIdentity(
  deps: IdentityDeps & { write(identity: IdentityFile): Promise<void>; now_ms: () => number; logger: Logger },
  first: IdentityFile,
): Identity {
  let present = first
  let timer: ReturnType<typeof setInterval> | undefined

  async function look(): Promise<void> {
    if (!isRenewalDue(present, deps.now_ms())) return
    const next = await renewIdentity(deps, present)
    await deps.write(next)
    present = next
    deps.logger.info({}, 'the certificate of this gateway was renewed')
  }
  const check = () =>
    void look().catch((error: unknown) =>
      deps.logger.error(
        { error: reasonOf(error) },
        'the certificate of this gateway could not be renewed; it is tried again',
      ),
    )
  const host = first.hub.host.includes(':') ? `[${first.hub.host}]` : first.hub.host
  return {
    authority: first.authority,
    url: `mqtts://${host}:${first.hub.mqttsPort}`,
    secrets: () => ({
      tls: { ca: present.authority, cert: present.certificate, key: present.key, servername: HUB_HOST },
    }),
    start() {
      timer = setInterval(check, CHECK_MS)
      check()
    },
    close: () => clearInterval(timer),
  }
}
