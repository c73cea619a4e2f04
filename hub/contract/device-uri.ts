import { type Decoded, LinliError } from './errors.ts'
import { type Address, addressPath, parseTopic, ROOT } from './topic.ts'

/**
 * What the QR on a device's label says: the device's topic path with a scheme, so that whoever reads it knows what to subscribe
 * to. A gateway is its own device of class `gateway`.
 *
 * `linli://device/{street}/{community}/{estate}/{gateway}/{class}/{device}`
 */
const PREFIX = 'linli://device/'

export function formatDeviceUri(address: Address): string {
  return `${PREFIX}${addressPath(address).slice(ROOT.length + 1)}`
}

export function isDeviceUri(text: string): boolean {
  return text.startsWith(PREFIX)
}

/** The error says which segment is wrong. */
export function parseDeviceUri(text: string): Decoded<Address> {
  const path = text.trim().slice(PREFIX.length)
  const topic = parseTopic(`${ROOT}/${path}/state`)
  if (isDeviceUri(text.trim()) && topic.ok && topic.value.channel === 'state') {
    const { channel: _, ...address } = topic.value
    return { ok: true, value: address }
  }
  const why = topic.ok ? '' : `: ${topic.error.message}`
  const message = `this is not what the label of a device says; it looks like ${PREFIX}STREET/COMMUNITY/ESTATE/GATEWAY/CLASS/DEVICE${why}`
  return { ok: false, error: new LinliError('DEVICE_URI_INVALID', message, { kind: 'caller' }) }
}
