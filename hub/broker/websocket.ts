import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws'
import { REFUSALS, type Refusal } from './front/refusal.ts'

/**
 * MQTT over WebSocket (MQTT 3.1.1 §6, RFC 6455): the bytes in binary frames are one stream, wherever the frames end, and
 * go through the same front as those of TCP.
 */
export interface WebSocketDoor {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  close(): void
}

const SUBPROTOCOL = 'mqtt'
/** Clients send one packet in a frame; its header may come with it. */
const HEADER_BYTES_MAX = 5
/** RFC 6455 §7.4.1: a type of data that is not accepted. */
const NOT_ACCEPTED = 1003

export function createWebSocketDoor(deps: {
  report: (remote: string | undefined, refusal: Refusal) => void
  serve: (connection: Duplex, socket: Socket) => void
  packet_bytes_max: number
  keep_alive_ms: number
}): WebSocketDoor {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    // What compresses well is small on the wire and anything in memory.
    perMessageDeflate: false,
    maxPayload: deps.packet_bytes_max + HEADER_BYTES_MAX,
    // A peer that asks and never reads would fill memory with answers.
    autoPong: false,
    // MQTT-6.0.0-4
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  })

  function refuse(request: IncomingMessage, socket: Duplex, status: string, refusal: Refusal): void {
    deps.report(request.socket.remoteAddress, refusal)
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  }

  return {
    upgrade(request, socket, head) {
      // A peer may be gone before ws has its own handler in place.
      socket.on('error', () => undefined)
      if (!isOurOrigin(request)) return refuse(request, socket, '403 Forbidden', REFUSALS.webSocketOrigin)
      // MQTT-6.0.0-3
      if (!offersMqtt(request)) return refuse(request, socket, '400 Bad Request', REFUSALS.webSocketProtocol)
      server.handleUpgrade(request, socket, head, (webSocket) => {
        const { remoteAddress } = request.socket
        request.socket.setNoDelay(true)
        request.socket.setKeepAlive(true, deps.keep_alive_ms)
        const connection = streamOf(webSocket, request.socket, (refusal) => deps.report(remoteAddress, refusal))
        deps.serve(connection, request.socket)
      })
    },
    close: () => server.close(),
  }
}

function streamOf(webSocket: WebSocket, socket: Socket, refused: (refusal: Refusal) => void): Duplex {
  const connection = createWebSocketStream(webSocket)
  // What the front wants to know of a connection.
  Object.defineProperties(connection, {
    remoteAddress: { value: socket.remoteAddress },
    bytesWritten: { get: () => socket.bytesWritten },
    // Whose certificate counts (auth/peer.ts).
    carrier: { value: socket },
  })
  connection.on('error', () => undefined)
  webSocket.on('error', () => {
    refused(REFUSALS.webSocketFrame)
    // The reason is on its way; a peer that does not close must not keep its place.
    setImmediate(() => webSocket.terminate())
  })
  webSocket.on('ping', (data) => {
    if (!socket.writableNeedDrain) webSocket.pong(data)
  })
  // MQTT-6.0.0-1: before the stream has it.
  webSocket.prependListener('message', (_data, isBinary) => {
    if (isBinary) return
    refused(REFUSALS.webSocketText)
    webSocket.close(NOT_ACCEPTED)
    connection.destroy()
  })
  return connection
}

function offersMqtt(request: IncomingMessage): boolean {
  const offered = request.headers['sec-websocket-protocol'] ?? ''
  return offered.split(',').some((name) => name.trim() === SUBPROTOCOL)
}

/** Browsers name the page that asks; nothing else has an origin. No page of another site may speak to this hub. */
function isOurOrigin({ headers }: IncomingMessage): boolean {
  if (headers.origin === undefined) return true
  return URL.canParse(headers.origin) && new URL(headers.origin).host === headers.host
}
