import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import Fastify, { type FastifyInstance } from 'fastify'
import { peerOf } from '../auth/peer.ts'
import { type TlsIdentity, tlsOptions } from '../broker/listener.ts'
import { ENROL_PATHS, EnrolRequest, RenewRequest } from '../contract/enrolment.ts'
import { LinliError } from '../contract/errors.ts'
import { checker } from '../contract/schema.ts'
import type { Enrolment } from '../enrolment/enrolment.ts'
import { openTo } from './guard.ts'
import { CHECKED_BY_ROUTES, listenHttp } from './http-server.ts'
import { addRoutes, BODY_BYTES_MAX, type Routes } from './server.ts'

/** The hub over HTTPS, for other machines: what `server.ts` has, and enrolment of gateways. */
export interface SecureServer {
  listen(options: { host: string; port: number }): Promise<{ port: number }>
  present(identity: TlsIdentity): void
  close(): Promise<void>
}

/** A certification request has about 500 bytes. */
const ENROL_BYTES_MAX = 8 * 1024
const checkRequest = checker(EnrolRequest, 'SCHEMA_VIOLATION')
const checkRenewal = checker(RenewRequest, 'SCHEMA_VIOLATION')

export function createSecureServer(
  deps: { enrolment: Enrolment; authority: string; routes: Routes },
  identity: TlsIdentity,
): SecureServer {
  const app = Fastify({ logger: false, bodyLimit: BODY_BYTES_MAX, https: tlsOptions(identity), ...CHECKED_BY_ROUTES })
  addRoutes(app as unknown as FastifyInstance, deps.routes, { isSecure: true })
  // In a scope of its own, where errors are told the way gateways read them.
  app.register(async (scope) => addEnrolmentRoutes(scope as unknown as FastifyInstance, deps))
  return {
    listen: (where) => listenHttp(app, { ...where, option: '--https-port' }),
    present: (next) => app.server.setSecureContext(tlsOptions(next)),
    async close() {
      await app.close()
    },
  }
}

export function addEnrolmentRoutes(
  app: FastifyInstance,
  { enrolment, authority }: { enrolment: Enrolment; authority: string },
): void {
  app.setErrorHandler((error, _request, reply) => {
    const isOurs = error instanceof LinliError
    const status = isOurs && error.kind === 'caller' ? 403 : ((error as { statusCode?: number }).statusCode ?? 500)
    const code = isOurs ? error.code : 'REQUEST_FAILED'
    return reply
      .code(status)
      .send({ code, message: status === 500 ? 'the hub could not do that; see its log' : (error as Error).message })
  })

  const options = { bodyLimit: ENROL_BYTES_MAX, config: openTo('a code or a certificate is the login here') }

  // Public: whoever has the fingerprint from an enrolment code can tell whether it is the right one.
  app.get(ENROL_PATHS.authority, options, async (_request, reply) =>
    reply.type('application/x-pem-file').send(authority),
  )

  app.post(ENROL_PATHS.claim, options, async (request) => {
    const body = checkRequest(request.body)
    if (!body.ok) throw body.error
    return enrolment.claim({ ...body.value, address: request.ip })
  })

  app.post(ENROL_PATHS.renew, options, async (request) => {
    const body = checkRenewal(request.body)
    if (!body.ok) throw body.error
    const peer = peerOf((request.raw as IncomingMessage).socket as TLSSocket)
    if (!peer)
      throw new LinliError('CERTIFICATE_MISSING', 'renewal needs the certificate that is to be renewed', {
        kind: 'caller',
      })
    if ('invalid' in peer)
      throw new LinliError(
        'CERTIFICATE_INVALID',
        `this certificate is not of this hub’s authority, or has ended (${peer.invalid}); enrol again`,
        { kind: 'caller' },
      )
    return enrolment.renew({ fingerprint: peer.fingerprint, csr: body.value.csr, address: request.ip })
  })
}
