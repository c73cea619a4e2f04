import type { IncomingMessage } from 'node:http'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { decodeJson } from '../../../hub/contract/decode.ts'
import { LinliError } from '../../../hub/contract/errors.ts'
import { checkPlateReading, type PlateReading } from '../../../hub/contract/plate.ts'
import type { CameraServer, CameraServerConfig, CameraServerDeps } from '../../ports/camera-server.ts'
import { createAllowance } from './allowance.ts'
import { createGuard, type GuardVerdict } from './guard.ts'
import { readAnpr } from './hikvision.ts'
import { readMultipart } from './multipart.ts'

/**
 * `POST /plate/{camera}` and `POST /alive/{camera}` on the gateway itself. The answer says that a reading was taken, and
 * never what the gate makes of it: nobody can ask here which plates may pass.
 */

const BODY_BYTES_MAX = 64 * 1024
const CONNECTIONS_MAX = 64
/** A camera reads a handful of plates a second at most. */
const PER_CAMERA = { burst: 40, perSecond: 20 }
/** Callers without a good token, all together. */
const STRANGERS = { burst: 40, perSecond: 10 }
/** Pictures of a few hundred kB come along. */
const REQUEST_TIMEOUT_MS = 10_000
const HEADERS_TIMEOUT_MS = 5_000
const IDLE_TIMEOUT_MS = 60_000

/** What a body says: a reading, or only that the camera is there. */
export type Said = { type: 'reading'; reading: PlateReading } | { type: 'alive' }

type Direction = 'in' | 'out'
type CameraRequest = FastifyRequest<{ Params: { camera: string } }>

export async function openCameraServer(deps: CameraServerDeps, config: CameraServerConfig): Promise<CameraServer> {
  const app = Fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: IDLE_TIMEOUT_MS,
    keepAliveTimeout: IDLE_TIMEOUT_MS,
    forceCloseConnections: true,
    http: { headersTimeout: HEADERS_TIMEOUT_MS, maxHeaderSize: 8192 },
  })
  app.server.maxConnections = CONNECTIONS_MAX
  takeBodies(app, (camera) => config.cameras.get(camera)?.direction)
  answerErrors(app, deps)
  addRoutes(app, deps, config)
  try {
    await app.listen({ host: config.host, port: config.port })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new LinliError(
      code === 'EADDRINUSE' ? 'CAMERA_PORT_IN_USE' : 'CAMERA_PORT_FORBIDDEN',
      `cannot listen to cameras on ${config.host}:${config.port}: ${message}; choose another in /cameras/listen`,
      { kind: 'caller' },
    )
  }
  const address = app.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : config.port
  return { port, close: () => app.close() }
}

/** @param directionOf whom a camera sees */
function takeBodies(app: FastifyInstance, directionOf: (camera: string) => Direction | undefined): void {
  const sayAnpr = (request: FastifyRequest, body: Uint8Array): Said => {
    const event = readAnpr(body)
    if (event === undefined) return { type: 'alive' }
    const { isLeaving, ...reading } = event
    const direction = directionOf((request as CameraRequest).params.camera)
    const away = direction === 'in' ? 'out' : 'in'
    return sayReading(isLeaving ? { ...reading, direction: away } : reading)
  }

  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => {
    if (body.length === 0) return { type: 'alive' } satisfies Said
    const json = decodeJson(body)
    if (!json.ok) throw json.error
    return sayReading(json.value)
  })
  app.addContentTypeParser(
    /^(application|text)\/xml/,
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => sayAnpr(request, body),
  )
  app.addContentTypeParser(/^multipart\/form-data/, async (request: FastifyRequest, payload: IncomingMessage) =>
    sayAnpr(request, await readMultipart(request.headers, payload)),
  )
}

/** @throws {LinliError} SCHEMA_VIOLATION */
function sayReading(value: unknown): Said {
  const checked = checkPlateReading(value)
  if (!checked.ok) throw checked.error
  return { type: 'reading', reading: checked.value }
}

function addRoutes(app: FastifyInstance, deps: CameraServerDeps, config: CameraServerConfig): void {
  const now_ms = () => performance.now()
  const guard = createGuard({ randomBytes: deps.randomBytes, now_ms }, config.cameras)
  const allowances = new Map([...config.cameras.keys()].map((id) => [id, allowanceOf(PER_CAMERA)]))
  const strangers = allowanceOf(STRANGERS)

  /** Before the body is read. */
  async function admit(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { camera } = (request as CameraRequest).params
    const { method, url } = request
    // No camera is a page in somebody's browser: that would pass for one on loopback, where nobody needs a token.
    if (request.headers.origin !== undefined) throw refusals.denied
    const verdict = guard.check(camera, { method, url, authorization: request.headers.authorization })
    const allowance = verdict === 'good' ? allowances.get(camera) : strangers
    if (!allowance?.take(now_ms())) throw TOO_MANY
    if (verdict === 'denied') reply.header('www-authenticate', guard.challenges())
    if (verdict !== 'good') throw refusals[verdict]
  }

  app.addHook('onRequest', async (request) => {
    if (request.is404) throw strangers.take(now_ms()) ? ELSEWHERE : TOO_MANY
  })
  app.post('/plate/:camera', { onRequest: admit }, async (request, reply) => {
    const { camera } = (request as CameraRequest).params
    const said = request.body as Said | undefined
    if (said?.type === 'reading' && deps.onReading(camera, said.reading) === 'stale') throw STALE
    if (said?.type !== 'reading') deps.onAlive(camera)
    return reply.code(200).send({ status: 'accepted' })
  })
  app.post('/alive/:camera', { onRequest: admit }, async (request, reply) => {
    deps.onAlive((request as CameraRequest).params.camera)
    return reply.code(200).send({ status: 'accepted' })
  })
}

function allowanceOf({ burst, perSecond }: typeof PER_CAMERA) {
  return createAllowance(burst, perSecond)
}

function told(code: string, message: string): LinliError {
  return new LinliError(code, message, { kind: 'caller' })
}

const ELSEWHERE = told('ROUTE_UNKNOWN', 'POST /plate/{camera} or POST /alive/{camera}')
const TOO_MANY = told('CAMERA_TOO_FAST', `more than ${PER_CAMERA.perSecond} requests a second: send fewer`)
const STALE = told(
  'READING_STALE',
  'read at another time than now: set the clock of the camera, do not send old readings',
)
const refusals: Record<Exclude<GuardVerdict, 'good'>, LinliError> = {
  denied: told('CAMERA_DENIED', 'who is calling? give the token of the camera: Bearer, or Digest or Basic with its id'),
  unknown: told('CAMERA_UNKNOWN', 'this gateway has no camera of this name: see /cameras/list of its configuration'),
}

const STATUS: Readonly<Partial<Record<string, number>>> = {
  CAMERA_TOO_FAST: 429,
  READING_STALE: 422,
  CAMERA_DENIED: 401,
  CAMERA_UNKNOWN: 404,
  ROUTE_UNKNOWN: 404,
  PAYLOAD_TOO_LARGE: 413,
}

/** What fastify itself refuses, in our words. */
const FASTIFY: Readonly<Partial<Record<string, [code: string, message: string]>>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['PAYLOAD_TOO_LARGE', `a body is at most ${BODY_BYTES_MAX} bytes`],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'MEDIA_TYPE_UNKNOWN',
    'send application/json, application/xml or multipart/form-data',
  ],
}

function answerErrors(app: FastifyInstance, deps: CameraServerDeps): void {
  const told = new Map<string, number>()
  /** Each cause of each camera once, then every thousandth; never what was sent. */
  function note(camera: string, code: string): void {
    const key = `${camera} ${code}`
    const count = (told.get(key) ?? 0) + 1
    if (told.size >= 200 && !told.has(key)) told.clear()
    told.set(key, count)
    if (count === 1 || count % 1000 === 0) deps.log.warn({ camera, code, count }, 'a request of a camera is refused')
  }
  app.setErrorHandler((error: FastifyError | LinliError, request, reply) => {
    const isOurs = error instanceof LinliError
    const [code, message] = isOurs
      ? [error.code, error.message]
      : (FASTIFY[error.code] ?? ['REQUEST_REFUSED', error.message])
    const status = STATUS[code] ?? (isOurs ? 400 : (error.statusCode ?? 500))
    const { camera } = request.params as { camera?: string }
    note(status === 401 || status === 404 ? 'a stranger' : (camera ?? 'a stranger'), code)
    const path = isOurs && error.path !== undefined ? { path: error.path } : {}
    if (status === 429) reply.header('retry-after', '1')
    return reply.code(status).send({ code, message, ...path })
  })
}
