import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SimError } from '../../error.ts'
import type { Emit } from '../../events.ts'
import type { CameraStep, OnvifConfig } from './config.ts'
import { drawFrame } from './frame.ts'
import { challenge, isDigestRight, isTokenRight } from './login.ts'
import { answerTo, faultOf } from './soap.ts'

const LOOPBACK = '127.0.0.1'
const BUFFER_S = 10
const SLOW_MS = 30_000
const BODY_CHARS_MAX = 64 * 1024
const NONCES_MAX = 1_000
/** A camera needs no password for its clock: who wants to log in has to know it. */
const OPEN = ['GetSystemDateAndTime']

interface Deps {
  emit: Emit
  now_ms: () => number
}

/** One network camera on loopback: snapshots, views, and everything that goes wrong with it. */
export class OnvifCamera {
  readonly id: string
  readonly #config: OnvifConfig
  readonly #deps: Deps
  readonly #server: Server
  readonly #presets: readonly string[]
  /** Given out for a digest, and seen in a token. */
  readonly #given = new Set<string>()
  readonly #used = new Set<string>()
  readonly #timers = new Set<ReturnType<typeof setTimeout>>()
  #view = 'home'
  #fault: CameraStep

  constructor(config: OnvifConfig, deps: Deps) {
    this.id = config.id
    this.#config = config
    this.#deps = deps
    this.#presets = config.presets ?? []
    this.#fault = { do: 'camera-fault', camera: config.id, fault: 'none' }
    this.#server = createServer((request, response) => this.#receive(request, response))
    this.#server.on('connection', (socket) => {
      this.#tell('connection')
      if (this.#fault.fault === 'down') socket.destroy()
    })
  }

  /** @throws SimError SIM_PORT_UNAVAILABLE */
  async listen(): Promise<void> {
    await listen(this.#server, this.#config)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  apply(step: CameraStep): void {
    this.#fault = step
    if (step.fault === 'down') this.#server.closeAllConnections()
  }

  close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#server.closeAllConnections()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  #tell(what: string): void {
    this.#deps.emit({ type: 'camera', camera: this.id, what, at_ms: this.#deps.now_ms() })
  }

  /** What the camera itself takes for the time. */
  #clock(): number {
    return this.#deps.now_ms() + (this.#config.clock_ms ?? 0)
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    let xml = ''
    request.setEncoding('utf8').on('data', (piece: string) => {
      if (xml.length < BODY_CHARS_MAX) xml += piece
    })
    request.on('end', () => {
      if (this.#fault.fault !== 'slow') return this.#answer(request, response, xml)
      const timer = setTimeout(() => {
        this.#timers.delete(timer)
        this.#answer(request, response, xml)
      }, this.#fault.slow_ms ?? SLOW_MS)
      this.#timers.add(timer)
    })
  }

  #answer(request: IncomingMessage, response: ServerResponse, xml: string): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://camera')
    const { fault, to = 'http://127.0.0.1:9/' } = this.#fault
    if (fault === 'garbage') response.writeHead(200).end(randomBytes(2_000))
    else if (fault === 'elsewhere') response.writeHead(302, { location: to }).end()
    else if (request.method === 'POST' && pathname.startsWith('/onvif/')) this.#onSoap(request, response, xml)
    else if (request.method === 'GET' && pathname === '/snapshot')
      this.#onSnapshot(request, response, searchParams.get('at'))
    else response.writeHead(404).end()
  }

  #onSoap(request: IncomingMessage, response: ServerResponse, xml: string): void {
    const action = /<(?:\w+:)?Body[^>]*>\s*<(?:\w+:)?(\w+)/.exec(xml)?.[1] ?? ''
    if (!OPEN.includes(action) && !this.#mayIn(request, xml)) {
      this.#refuse(response)
      return
    }
    this.#tell(action)
    if (action === 'GotoPreset' && !this.#turn(xml)) {
      response.writeHead(400).end(faultOf('NoToken', 'no such preset'))
      return
    }
    const base = `http://${this.#config.host ?? LOOPBACK}:${this.port}`
    const facts = { id: this.id, base, presets: this.#presets, now_ms: this.#clock() }
    const answer = answerTo(action, facts)
    if (answer === undefined) response.writeHead(400).end(faultOf('ActionNotSupported', 'no such thing'))
    else response.writeHead(200, { 'content-type': 'application/soap+xml; charset=utf-8' }).end(answer)
  }

  #turn(xml: string): boolean {
    const token = /<(?:\w+:)?PresetToken[^>]*>([^<]*)</.exec(xml)?.[1]
    const wanted = this.#presets[Number(token) - 1]
    if (wanted !== undefined) this.#view = wanted
    return wanted !== undefined
  }

  #onSnapshot(request: IncomingMessage, response: ServerResponse, at: string | null): void {
    if (!this.#mayIn(request, '')) {
      this.#refuse(response)
      return
    }
    const wanted_ms = at === null ? this.#clock() : Date.parse(at)
    const age_ms = this.#clock() - wanted_ms
    if (!(age_ms >= 0 && age_ms <= (this.#config.buffer_s ?? BUFFER_S) * 1000)) {
      response.writeHead(404).end()
      return
    }
    this.#tell('snapshot')
    const picture = drawFrame(this.id, this.#view, wanted_ms)
    const head = { 'content-type': 'image/jpeg', 'content-length': picture.length }
    if (this.#fault.fault === 'half')
      response.writeHead(200, head).write(picture.subarray(0, picture.length / 2), () => response.destroy())
    else if (this.#fault.fault === 'endless') pour(response, picture)
    else response.writeHead(200, head).end(picture)
  }

  #mayIn(request: IncomingMessage, xml: string): boolean {
    if (this.#fault.fault === 'locked') return false
    const { method = '', headers } = request
    return (
      isDigestRight(headers.authorization, method, this.#config, (nonce) => this.#given.has(nonce)) ||
      isTokenRight(xml, this.#config, this.#clock(), (nonce) => remember(this.#used, nonce))
    )
  }

  #refuse(response: ServerResponse): void {
    const nonce = randomBytes(16).toString('hex')
    remember(this.#given, nonce)
    this.#tell('refused')
    response.writeHead(401, { 'www-authenticate': challenge(nonce) }).end(faultOf('NotAuthorized', 'log in'))
  }
}

/** False: it is there already. */
function remember(set: Set<string>, one: string): boolean {
  if (set.has(one)) return false
  if (set.size >= NONCES_MAX) set.clear()
  set.add(one)
  return true
}

/** Without an end, as fast as it is taken. */
function pour(response: ServerResponse, picture: Buffer): void {
  response.writeHead(200, { 'content-type': 'image/jpeg' })
  const more = () => {
    while (!response.destroyed && response.write(picture)) {
      // Until the socket is full.
    }
  }
  response.on('drain', more)
  more()
}

function listen(server: Server, { id, port }: OnvifConfig): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new SimError('SIM_PORT_UNAVAILABLE', `camera "${id}": port ${port}: ${error.message}`)),
    )
    server.listen(port, LOOPBACK, () => resolve())
  })
}
