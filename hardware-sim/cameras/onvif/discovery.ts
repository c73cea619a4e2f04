import { createHash } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { SimError } from '../../error.ts'
import type { DiscoveryConfig } from './config.ts'

/** WS-Discovery 1.0 as ONVIF asks for it: who sends a Probe hears of each camera, by multicast or straight. Loopback only. */

const PORT = 3702
const GROUP = '239.255.255.250'
const LOOPBACK = '127.0.0.1'

export interface Discovery {
  readonly port: number
  close(): Promise<void>
}

/** @throws SimError SIM_PORT_UNAVAILABLE */
export async function openDiscovery(
  { port = PORT }: DiscoveryConfig,
  cameras: () => ReadonlyArray<{ id: string; port: number }>,
): Promise<Discovery> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  socket.on('message', (bytes, { address, port: back }) => {
    const xml = bytes.toString('utf8')
    const about = /<(?:\w+:)?MessageID[^>]*>\s*([^<\s]+)/.exec(xml)?.[1]
    // A foreign host is told nothing.
    if (!address.startsWith('127.') || !/<(?:\w+:)?Probe\b/.test(xml) || about === undefined) return
    for (const camera of cameras()) socket.send(match(camera, about), back, address)
  })
  await bind(socket, port)
  try {
    socket.addMembership(GROUP, LOOPBACK)
  } catch {
    // A machine without multicast on its loopback: asked straight it answers all the same.
  }
  return {
    port: socket.address().port,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  }
}

function match({ id, port }: { id: string; port: number }, about: string): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" ' +
    'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" ' +
    'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl">' +
    `<s:Header><a:MessageID>urn:uuid:${uuidOf(`${id}${about}`)}</a:MessageID><a:RelatesTo>${about}</a:RelatesTo>` +
    '<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</a:Action></s:Header><s:Body><d:ProbeMatches>' +
    `<d:ProbeMatch><a:EndpointReference><a:Address>urn:uuid:${uuidOf(id)}</a:Address></a:EndpointReference>` +
    `<d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>onvif://www.onvif.org/name/${id} ` +
    'onvif://www.onvif.org/hardware/simulated onvif://www.onvif.org/Profile/Streaming</d:Scopes>' +
    `<d:XAddrs>http://${LOOPBACK}:${port}/onvif/device_service</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion>` +
    '</d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>'
  )
}

/** The same camera has always the same. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), `5${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  )
}

function bind(socket: Socket, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', (error) =>
      reject(new SimError('SIM_PORT_UNAVAILABLE', `discovery: port ${port}: ${error.message}`)),
    )
    socket.bind(port, () => resolve())
  })
}
