/**
 * What a server must refuse from a client, read from MQTT 3.1.1 a second time and in another way than hub/broker/front: a
 * whole stream, decoded with exceptions and text. It is slow, keeps everything, and knows nothing of the front's code.
 */

export interface StandardLimits {
  connect_bytes_max: number
  packet_bytes_max: number
  topic_bytes_max: number
  topic_levels_max: number
  client_id_length_max: number
  subscriptions_max: number
}

export interface Reading {
  /** Ends of the packets that may pass, in order. */
  ends: number[]
  /** Whether what follows them must be refused already, whatever may come behind it. */
  refused: boolean
}

class Refused extends Error {}
class Incomplete extends Error {}

class Cursor {
  at = 0
  readonly bytes: Uint8Array
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
  byte(): number {
    const value = this.bytes[this.at++]
    if (value === undefined) throw new Refused('ends too early')
    return value
  }
  number(): number {
    return this.byte() * 256 + this.byte()
  }
  data(): Uint8Array {
    const length = this.number()
    if (this.at + length > this.bytes.length) throw new Refused('ends too early')
    this.at += length
    return this.bytes.slice(this.at - length, this.at)
  }
  text(): string {
    try {
      // §1.5.3: no surrogates, nothing overlong; a byte order mark is kept (MQTT-1.5.3-3).
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.data())
      if (text.includes('\0')) throw new Refused('U+0000')
      return text
    } catch (error) {
      if (error instanceof TypeError) throw new Refused('not UTF-8')
      throw error
    }
  }
  atEnd(): boolean {
    return this.at === this.bytes.length
  }
}

const must = (condition: boolean, what: string): void => {
  if (!condition) throw new Refused(what)
}

function topic(limits: StandardLimits, text: string, legal: RegExp): void {
  must(text !== '', 'empty topic')
  must(new TextEncoder().encode(text).length <= limits.topic_bytes_max, 'topic too long')
  must(text.split('/').length <= limits.topic_levels_max, 'topic too deep')
  must(legal.test(text), 'wildcards')
}
const NAME = /^[^+#]*$/s
const FILTER = /^(#|(\+|[^/+#]*)(\/(\+|[^/+#]*))*(\/#)?)$/s

function connect(limits: StandardLimits, body: Cursor): void {
  const name = body.text()
  const level = body.byte()
  must(`${name} ${level}` === 'MQTT 4' || `${name} ${level}` === 'MQIsdp 3', 'protocol')
  const bits = body.byte().toString(2).padStart(8, '0')
  const [user, password, retain, qos, will, clean, reserved] = [
    bits[0] === '1',
    bits[1] === '1',
    bits[2] === '1',
    Number.parseInt(bits.slice(3, 5), 2),
    bits[5] === '1',
    bits[6] === '1',
    bits[7] === '1',
  ]
  must(!reserved, 'reserved flag')
  must(will ? qos < 3 : qos === 0 && !retain, 'will flags')
  must(user || !password, 'password without user')
  body.number()
  const id = body.text()
  must(id !== '' || (clean && level === 4), 'empty client id')
  must(new TextEncoder().encode(id).length <= limits.client_id_length_max, 'long client id')
  if (will) {
    topic(limits, body.text(), NAME)
    body.data()
  }
  if (user) body.text()
  if (password) body.data()
  must(body.atEnd(), 'trailing bytes')
}

function one(limits: StandardLimits, bits: string, body: Cursor): void {
  const qos = Number.parseInt(bits.slice(5, 7), 2)
  const id = () => must(body.number() > 0, 'packet id 0')
  switch (Number.parseInt(bits.slice(0, 4), 2)) {
    case 1:
      connect(limits, body)
      return
    case 3:
      topic(limits, body.text(), NAME)
      if (qos > 0) id()
      return
    case 8:
    case 10: {
      id()
      must(!body.atEnd(), 'no filter')
      let count = 0
      for (; !body.atEnd(); count++) {
        topic(limits, body.text(), FILTER)
        if (bits.startsWith('1000')) must([0, 1, 2].includes(body.byte()), 'QoS')
      }
      must(count <= limits.subscriptions_max, 'filters')
      return
    }
    case 12:
    case 14:
      return
    default:
      id()
  }
}

const FIRST_BYTES = /^(0001|0100|0101|0111|1100|1110)0000$|^(0110|1000|1010)0010$|^0011(000|.01|.10).$/
/** Type to the only length it may have. */
const FIXED_LENGTHS: Record<string, number> = { '0100': 2, '0101': 2, '0110': 2, '0111': 2, '1100': 0, '1110': 0 }

function header(limits: StandardLimits, cursor: Cursor, first: boolean): { bits: string; length: number } {
  const next = () => {
    if (cursor.atEnd()) throw new Incomplete()
    return cursor.byte()
  }
  const bits = next().toString(2).padStart(8, '0')
  must(FIRST_BYTES.test(bits), 'first byte')
  must(bits.startsWith('0001') === first, 'CONNECT first and only once')
  let length = 0
  for (let power = 0; ; power++) {
    must(power < 4, 'remaining length')
    const byte = next()
    length += (byte % 128) * 128 ** power
    if (byte < 128) break
  }
  must(length <= (first ? limits.connect_bytes_max : limits.packet_bytes_max), 'too large')
  const fixed = FIXED_LENGTHS[bits.slice(0, 4)]
  must(fixed === undefined || fixed === length, 'length')
  return { bits, length }
}

/** Reads a stream from its beginning. */
export function readAsStandard(limits: StandardLimits, stream: Uint8Array): Reading {
  const ends: number[] = []
  const cursor = new Cursor(stream)
  let over = false
  try {
    while (!cursor.atEnd()) {
      must(!over, 'after DISCONNECT')
      const { bits, length } = header(limits, cursor, ends.length === 0)
      const end = cursor.at + length
      if (end > stream.length) throw new Incomplete()
      one(limits, bits, new Cursor(stream.slice(cursor.at, end)))
      cursor.at = end
      ends.push(end)
      over = bits.startsWith('1110')
    }
    return { ends, refused: false }
  } catch (error) {
    if (error instanceof Incomplete) return { ends, refused: false }
    if (error instanceof Refused) return { ends, refused: true }
    throw error
  }
}
