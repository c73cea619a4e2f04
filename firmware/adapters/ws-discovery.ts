import { randomUUID } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { networkInterfaces } from 'node:os'
import sax from 'sax'

/** ONVIF cameras of the local network, by WS-Discovery (OASIS 1.0 of April 2005, as ONVIF Core asks): one probe, answers for a while. */

export interface FoundCamera {
  /** Where it speaks ONVIF. */
  addresses: string[]
  name: string
  hardware: string
}

export interface Target {
  address: string
  port: number
}

const GROUP: Target = { address: '239.255.255.250', port: 3702 }
/** APP_MAX_DELAY is 500 ms; a busy camera takes longer. */
export const DISCOVERY_MS = 3_000
const AGAIN_MS = 600
const CAMERAS_MAX = 256
const DEPTH_MAX = 16
const TEXT_CHARS_MAX = 4_000
const ADDRESSES_MAX = 8
const SOAP = 'http://www.w3.org/2003/05/soap-envelope'
const ADDRESSING = 'http://schemas.xmlsoap.org/ws/2004/08/addressing'
const DISCOVERY = 'http://schemas.xmlsoap.org/ws/2005/04/discovery'

/**
 * @param targets cameras that are asked directly; the whole local network, out of every interface, when there are none
 * @param onFound as they answer
 */
export async function discoverCameras(
  targets: readonly Target[],
  onFound: (camera: FoundCamera) => void,
  within_ms = DISCOVERY_MS,
): Promise<FoundCamera[]> {
  const id = `urn:uuid:${randomUUID()}`
  const probe = Buffer.from(probeText(id))
  const found = new Map<string, FoundCamera>()
  const hear = (bytes: Buffer) => {
    for (const { endpoint, ...camera } of matchesIn(bytes.toString('utf8'), id)) {
      if (found.has(endpoint) || found.size >= CAMERAS_MAX) continue
      found.set(endpoint, camera)
      onFound(camera)
    }
  }
  const ways = targets.length > 0 ? [undefined] : ownAddresses()
  const sockets = await Promise.all(ways.map((from) => openSocket(from, hear)))
  const send = () => {
    for (const socket of sockets)
      for (const { address, port } of targets.length > 0 ? targets : [GROUP])
        socket.send(probe, port, address, () => undefined)
  }
  send()
  // UDP may lose it; answers come once for each id (SOAP-over-UDP sends twice too).
  const again = setTimeout(send, AGAIN_MS)
  await new Promise((resolve) => setTimeout(resolve, within_ms))
  clearTimeout(again)
  for (const socket of sockets) socket.close()
  return [...found.values()]
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((those = []) =>
    those.filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address),
  )
}

function openSocket(from: string | undefined, hear: (bytes: Buffer) => void): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4')
    socket.once('error', reject)
    socket.on('message', hear)
    socket.bind(0, from, () => {
      // What the network says of a probe (nobody there, no route) is no error of ours.
      socket.off('error', reject).on('error', () => undefined)
      if (from !== undefined) socket.setMulticastInterface(from)
      resolve(socket)
    })
  })
}

function probeText(id: string): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<s:Envelope xmlns:s="${SOAP}" xmlns:a="${ADDRESSING}" xmlns:d="${DISCOVERY}" xmlns:n="http://www.onvif.org/ver10/network/wsdl">`,
    `<s:Header><a:Action>${DISCOVERY}/Probe</a:Action><a:MessageID>${id}</a:MessageID>`,
    '<a:ReplyTo><a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>',
    '<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header>',
    '<s:Body><d:Probe><d:Types>n:NetworkVideoTransmitter</d:Types></d:Probe></s:Body></s:Envelope>',
  ].join('')
}

type Match = FoundCamera & { endpoint: string }

/** Who answered the probe `id`; nothing for what is not well-formed, not SOAP, has a doctype, or answers somebody else. */
export function matchesIn(text: string, id: string): Match[] {
  const parser = sax.parser(true, { trim: true, xmlns: true })
  const path: string[] = []
  const matches: Array<Record<string, string>> = []
  let relatesTo = ''
  let isBad = false
  parser.onerror = parser.ondoctype = () => {
    isBad = true
  }
  parser.onopentag = ({ uri = '', local = '' }) => {
    path.push(`${PREFIXES[uri] ?? '?'}:${local}`)
    if (path.length > DEPTH_MAX) isBad = true
    if (path.join('/') === MATCH && matches.length < CAMERAS_MAX) matches.push({})
  }
  parser.onclosetag = () => void path.pop()
  parser.ontext = parser.oncdata = (value) => {
    const at = path.join('/')
    if (at === RELATES_TO) relatesTo = value
    const field = FIELDS[at.slice(MATCH.length + 1)]
    const match = matches.at(-1)
    if (match && field !== undefined && at.startsWith(MATCH)) match[field] = value.slice(0, TEXT_CHARS_MAX)
  }
  for (const part of text.match(/[\s\S]{1,512}/g) ?? []) {
    if (!isBad) parser.write(part)
  }
  if (!isBad) parser.close()
  return isBad || relatesTo !== id ? [] : matches.flatMap(cameraOf)
}

const PREFIXES: Readonly<Record<string, string>> = { [SOAP]: 's', [ADDRESSING]: 'a', [DISCOVERY]: 'd' }
const RELATES_TO = 's:Envelope/s:Header/a:RelatesTo'
const MATCH = 's:Envelope/s:Body/d:ProbeMatches/d:ProbeMatch'
const FIELDS: Readonly<Record<string, string>> = {
  'a:EndpointReference/a:Address': 'endpoint',
  'd:XAddrs': 'addresses',
  'd:Scopes': 'scopes',
}

function cameraOf({ endpoint, addresses = '', scopes = '' }: Record<string, string>): Match[] {
  const urls = addresses.split(/\s+/).filter((one) => URL.parse(one)?.protocol.match(/^https?:$/))
  if (!endpoint || urls.length === 0) return []
  const scope = (name: string) => scopeIn(scopes, `onvif://www.onvif.org/${name}/`)
  return [{ endpoint, addresses: urls.slice(0, ADDRESSES_MAX), name: scope('name'), hardware: scope('hardware') }]
}

/** Percent-encoded; shown on a terminal, so without control characters. */
function scopeIn(scopes: string, prefix: string): string {
  const text =
    scopes
      .split(/\s+/)
      .find((one) => one.startsWith(prefix))
      ?.slice(prefix.length) ?? ''
  try {
    return decodeURIComponent(text).replaceAll(/\p{C}/gu, '').slice(0, 80)
  } catch {
    return ''
  }
}
