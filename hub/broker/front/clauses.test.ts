import { describe, expect, it } from 'vitest'
import { body, connectPacket, type Part, packet } from '../../../test/support/mqtt-bytes.ts'
import { inspectAll, type Verdict } from '../../../test/support/mqtt-inspect.ts'
import { readAsStandard } from '../../../test/support/mqtt-standard.ts'
import { FRONT_LIMITS } from './limits.ts'

/** What MQTT 3.1.1 says a server must refuse, statement by statement, each in every split of its bytes. */

const bytes = (...parts: Part[]) => Buffer.concat(parts.map((part) => body(part)))
const CONNECT = connectPacket()
const ILL_FORMED: Array<[string, Buffer]> = [
  ['a lone continuation byte', Buffer.from([0x61, 0x80])],
  ['an overlong slash', Buffer.from([0xc0, 0xaf])],
  ['a surrogate', Buffer.from([0xed, 0xa0, 0x80])],
  ['more than U+10FFFF', Buffer.from([0xf4, 0x90, 0x80, 0x80])],
  ['a truncated character', Buffer.from([0xe5, 0xb0])],
]
const raw = (content: Buffer) => Buffer.concat([Buffer.from([0, content.length]), content])

/** A packet in an open connection, with the clause that refuses it. */
const OPEN: Array<[clause: string, what: string, packet: Buffer]> = [
  ['§2.2.1', 'packet type 0', packet(0x00)],
  ['§2.2.1', 'packet type 15', packet(0xf0)],
  ['MQTT-4.8.0-1', 'CONNACK from a client', packet(0x20, 0, 0)],
  ['MQTT-4.8.0-1', 'SUBACK from a client', packet(0x90, 0, 1, 0)],
  ['MQTT-4.8.0-1', 'UNSUBACK from a client', packet(0xb0, 0, 1)],
  ['MQTT-4.8.0-1', 'PINGRESP from a client', packet(0xd0)],
  ['MQTT-2.2.2-2', 'PUBACK with flags', packet(0x42, 0, 1)],
  ['MQTT-2.2.2-2', 'PUBREC with flags', packet(0x51, 0, 1)],
  ['MQTT-2.2.2-2', 'PUBCOMP with flags', packet(0x78, 0, 1)],
  ['MQTT-2.2.2-2', 'PINGREQ with flags', packet(0xc1)],
  ['MQTT-3.6.1-1', 'PUBREL without its flag', packet(0x60, 0, 1)],
  ['MQTT-3.8.1-1', 'SUBSCRIBE without its flag', packet(0x80, 0, 1, 'a', 0)],
  ['MQTT-3.10.1-1', 'UNSUBSCRIBE without its flag', packet(0xa0, 0, 1, 'a')],
  ['MQTT-3.14.1-1', 'DISCONNECT with flags', packet(0xe8)],
  ['§2.2.3', 'a remaining length of five bytes', Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x01])],
  ['MQTT-3.1.0-2', 'a second CONNECT', CONNECT],
  ['MQTT-3.14.4-2', 'PINGREQ after DISCONNECT', bytes(packet(0xe0), packet(0xc0))],
  ['MQTT-3.3.1-2', 'DUP on QoS 0', packet(0x38, 'a', 1)],
  ['MQTT-3.3.1-4', 'QoS 3', packet(0x36, 'a', 0, 1)],
  ['MQTT-3.3.2-1', 'PUBLISH without a topic', packet(0x30)],
  ['MQTT-3.3.2-1', 'PUBLISH that ends within its topic', packet(0x30, 0, 5, 0x61, 0x62)],
  ['MQTT-3.3.2-1', 'PUBLISH that ends within its packet id', packet(0x32, 'a', 1)],
  ['MQTT-3.3.2-2', '+ in a topic name', packet(0x30, 'a/+/b')],
  ['MQTT-3.3.2-2', '# in a topic name', packet(0x32, 'a/#', 0, 1)],
  ['MQTT-4.7.3-1', 'an empty topic name', packet(0x30, '', 1, 2)],
  ['MQTT-4.7.3-1', 'an empty filter', packet(0x82, 0, 1, '', 0)],
  ['MQTT-4.7.3-1', 'an empty filter to unsubscribe', packet(0xa2, 0, 1, '')],
  ['MQTT-4.7.3-2', 'U+0000 in a topic name', packet(0x30, 'a\0b')],
  ['MQTT-4.7.3-2', 'U+0000 in a filter', packet(0x82, 0, 1, 'a\0b', 0)],
  ['MQTT-2.3.1-1', 'PUBLISH with packet id 0', packet(0x32, 'a', 0, 0, 1)],
  ['MQTT-2.3.1-1', 'PUBLISH of QoS 2 with packet id 0', packet(0x34, 'a', 0, 0, 1)],
  ['MQTT-2.3.1-1', 'SUBSCRIBE with packet id 0', packet(0x82, 0, 0, 'a', 0)],
  ['MQTT-2.3.1-1', 'UNSUBSCRIBE with packet id 0', packet(0xa2, 0, 0, 'a')],
  ['MQTT-2.3.1-1', 'PUBACK of packet id 0', packet(0x40, 0, 0)],
  ['MQTT-2.3.1-1', 'PUBREC of packet id 0', packet(0x50, 0, 0)],
  ['MQTT-2.3.1-1', 'PUBREL of packet id 0', packet(0x62, 0, 0)],
  ['MQTT-2.3.1-1', 'PUBCOMP of packet id 0', packet(0x70, 0, 0)],
  ['§3.4.2', 'PUBACK of one byte', packet(0x40, 1)],
  ['§3.4.2', 'PUBREC of three bytes', packet(0x50, 0, 1, 0)],
  ['§3.4.2', 'PUBREL without a packet id', packet(0x62)],
  ['§3.4.2', 'PUBCOMP of four bytes', packet(0x70, 0, 1, 0, 0)],
  ['MQTT-3.8.3-1', 'SUBSCRIBE without a packet id', packet(0x82)],
  ['MQTT-3.8.3-1', 'a filter without a QoS', packet(0x82, 0, 1, 'a')],
  ['MQTT-3.8.3-1', 'SUBSCRIBE that ends within a filter', packet(0x82, 0, 1, 0, 9, 0x61)],
  ['MQTT-3.8.3-1', 'SUBSCRIBE that ends within the length of a filter', packet(0x82, 0, 1, 'a', 0, 0)],
  ['MQTT-3.8.3-3', 'SUBSCRIBE without a filter', packet(0x82, 0, 1)],
  ['MQTT-3.8.3-4', 'a requested QoS of 3', packet(0x82, 0, 1, 'a', 3)],
  ['MQTT-3.8.3-4', 'reserved bits of a requested QoS', packet(0x82, 0, 1, 'a', 0x81)],
  ['MQTT-3.8.3-4', 'a second filter with a bad QoS', packet(0x82, 0, 1, 'a', 1, 'b', 4)],
  ['MQTT-3.10.3-1', 'UNSUBSCRIBE without a packet id', packet(0xa2, 1)],
  ['MQTT-3.10.3-1', 'UNSUBSCRIBE that ends within a filter', packet(0xa2, 0, 1, 0, 3, 0x61)],
  ['MQTT-3.10.3-2', 'UNSUBSCRIBE without a filter', packet(0xa2, 0, 1)],
  ['MQTT-4.7.1-2', '# that is not the last level', packet(0x82, 0, 1, 'a/#/b', 0)],
  ['MQTT-4.7.1-2', '# that is part of a level', packet(0x82, 0, 1, 'a/b#', 0)],
  ['MQTT-4.7.1-2', 'a# in two characters', packet(0x82, 0, 1, 'a#', 0)],
  ['MQTT-4.7.1-2', '## to unsubscribe', packet(0xa2, 0, 1, '##')],
  ['MQTT-4.7.1-3', '+ behind a character', packet(0x82, 0, 1, 'a+', 0)],
  ['MQTT-4.7.1-3', '+ before a character', packet(0x82, 0, 1, '+a', 0)],
  ['MQTT-4.7.1-3', '+ within a level', packet(0x82, 0, 1, 'x/a+b/y', 0)],
  ['MQTT-4.7.1-3', '++', packet(0xa2, 0, 1, '++')],
  ['§3.12', 'PINGREQ with a body', packet(0xc0, 0)],
  ['§3.14', 'DISCONNECT with a body', packet(0xe0, 0)],
  ...ILL_FORMED.flatMap<[string, string, Buffer]>(([what, content]) => [
    ['MQTT-1.5.3-1', `${what} in a topic name`, packet(0x30, raw(content))],
    ['MQTT-1.5.3-1', `${what} in a filter`, packet(0x82, 0, 1, raw(content), 0)],
  ]),
]

const connect = (flags: number, ...payload: Part[]) => packet(0x10, 'MQTT', 4, flags, 0, 60, ...payload)

/** A first packet, with the clause that refuses it and the return code that is sent. */
const FIRST: Array<[clause: string, what: string, packet: Buffer, connack?: number]> = [
  ['MQTT-3.1.0-1', 'PUBLISH as the first packet', packet(0x30, 'a', 1)],
  ['MQTT-3.1.0-1', 'PINGREQ as the first packet', packet(0xc0)],
  ['MQTT-3.1.0-1', 'a request of HTTP', Buffer.from('GET / HTTP/1.1\r\n')],
  ['MQTT-2.2.2-2', 'CONNECT with flags', packet(0x11, 'MQTT', 4, 2, 0, 60, 'a')],
  ['MQTT-3.1.2-1', 'a wrong protocol name', packet(0x10, 'MQtt', 4, 2, 0, 60, 'a')],
  ['MQTT-3.1.2-1', 'an empty CONNECT', packet(0x10)],
  ['MQTT-3.1.2-1', 'a protocol name that does not end', packet(0x10, 0, 200, 0x4d)],
  ['MQTT-3.1.2-2', 'level 5', packet(0x10, 'MQTT', 5, 2, 0, 60, 0, 'a'), 1],
  ['MQTT-3.1.2-2', 'level 3 under the name MQTT', packet(0x10, 'MQTT', 3, 2, 0, 60, 'a'), 1],
  ['MQTT-3.1.2-2', 'level 4 under the name MQIsdp', packet(0x10, 'MQIsdp', 4, 2, 0, 60, 'a'), 1],
  ['MQTT-3.1.2-2', 'the bridge bit of mosquitto', packet(0x10, 'MQTT', 0x84, 2, 0, 60, 'a'), 1],
  ['MQTT-3.1.2-3', 'the reserved flag', connect(0x03, 'a')],
  ['MQTT-3.1.2-13', 'a will QoS without a will', connect(0x0a, 'a')],
  ['MQTT-3.1.2-14', 'a will QoS of 3', connect(0x1e, 'a', 'will', 'x')],
  ['MQTT-3.1.2-15', 'a will retain flag without a will', connect(0x22, 'a')],
  ['MQTT-3.1.2-22', 'a password without a user name', connect(0x42, 'a', 'secret')],
  ['MQTT-3.1.3-1', 'CONNECT without a client id', connect(0x02)],
  ['MQTT-3.1.3-1', 'CONNECT that ends before its flags', packet(0x10, 'MQTT', 4)],
  ['MQTT-3.1.3-1', 'CONNECT without a level', packet(0x10, 'MQTT')],
  ['MQTT-3.1.3-1', 'CONNECT that ends before its will', connect(0x06, 'a')],
  ['MQTT-3.1.3-1', 'CONNECT that ends before the message of its will', connect(0x06, 'a', 'will')],
  ['MQTT-3.1.3-1', 'CONNECT that ends before its user name', connect(0x82, 'a')],
  ['MQTT-3.1.3-1', 'CONNECT that ends before its password', connect(0xc2, 'a', 'u')],
  ['MQTT-3.1.3-1', 'CONNECT that ends within its client id', connect(0x02, 0, 9, 0x61)],
  ['MQTT-3.1.4-1', 'a byte behind the client id', connect(0x02, 'a', 0)],
  ['MQTT-3.1.4-1', 'a will that no flag announces', connect(0x02, 'a', 'will', 'x')],
  ['MQTT-3.1.3-8', 'an empty client id with clean session 0', connect(0x00, ''), 2],
  ['MQTT-3.1.3-9', 'a client id of 129 bytes', connect(0x02, 'x'.repeat(129)), 2],
  ['MQTT-3.1.3-9', 'an empty client id in MQTT 3.1', packet(0x10, 'MQIsdp', 3, 2, 0, 60, ''), 2],
  ['MQTT-1.5.3-2', 'U+0000 in the client id', connect(0x02, 'a\0')],
  ['MQTT-1.5.3-2', 'U+0000 in the user name', connect(0x82, 'a', 'u\0')],
  ['MQTT-4.7.3-1', 'an empty will topic', connect(0x06, 'a', '', 'x')],
  ['MQTT-4.7.3-2', 'U+0000 in the will topic', connect(0x06, 'a', 'w\0', 'x')],
  ['MQTT-3.3.2-2', '+ in the will topic', connect(0x06, 'a', 'w/+', 'x')],
  ['MQTT-3.3.2-2', '# in the will topic', connect(0x06, 'a', '#', 'x')],
  ...ILL_FORMED.flatMap<[string, string, Buffer]>(([what, content]) => [
    ['MQTT-3.1.3-4', `${what} in the client id`, connect(0x02, raw(content))],
    ['MQTT-3.1.3-10', `${what} in the will topic`, connect(0x06, 'a', raw(content), 'x')],
    ['MQTT-3.1.3-11', `${what} in the user name`, connect(0x82, 'a', raw(content))],
  ]),
]

/** What must be let through, with the clause that says so. */
const GOOD: Array<[clause: string, what: string, stream: Buffer]> = [
  ['MQTT-1.5.3-3', 'U+FEFF is kept', bytes(CONNECT, packet(0x30, '\ufeffa', 1))],
  ['MQTT-3.1.3-5', 'a client id of 23 letters and figures', connect(0x02, 'abcdefghijklmnopqrstu09')],
  ['MQTT-3.1.3-6', 'an empty client id with clean session 1', connect(0x02, '')],
  ['MQTT-3.1.2-19', 'a user name without a password', connect(0x82, 'a', 'u')],
  ['MQTT-3.1.2-20', 'a password of any bytes', connect(0xc2, 'a', 'u', raw(Buffer.from([0, 0xff])))],
  ['MQTT-3.1.2-9', 'a will of QoS 2, retained, with an empty message', connect(0x36, 'a', 'w', '')],
  ['MQTT-3.1.2-1', 'MQTT 3.1', packet(0x10, 'MQIsdp', 3, 2, 0, 60, 'a')],
  ['MQTT-4.7.1-3', 'filters with wildcards', bytes(CONNECT, packet(0x82, 0, 1, '+/+', 0, '#', 1, '/', 2, 'a/+/#', 0))],
  ['MQTT-3.10.3-1', 'UNSUBSCRIBE', bytes(CONNECT, packet(0xa2, 0xff, 0xff, '+', 'a//b', '/#'))],
  [
    'MQTT-4.7.3-1',
    'topics of slashes and blanks',
    bytes(CONNECT, packet(0x30, '/'), packet(0x30, ' '), packet(0x30, '//a ')),
  ],
  ['MQTT-3.3.1-1', 'DUP on QoS 1 and 2', bytes(CONNECT, packet(0x3a, 'a', 0, 1), packet(0x3d, 'a', 0, 1, 9))],
  ['MQTT-4.3.3-1', 'the packets of QoS 2', bytes(CONNECT, packet(0x50, 0, 1), packet(0x62, 0, 1), packet(0x70, 0, 1))],
  ['MQTT-3.12.4-1', 'PINGREQ', bytes(CONNECT, packet(0xc0), packet(0xc0))],
  ['MQTT-3.14.4-1', 'DISCONNECT', bytes(CONNECT, packet(0xe0))],
  ['§2.2.3', 'a length in more bytes than it needs', bytes(CONNECT, Buffer.from([0xc0, 0x80, 0x80, 0x00]))],
  ['§3.3.3', 'a message of any bytes', bytes(CONNECT, packet(0x31, '消防/门', Buffer.from([0, 0xff, 0xed, 0xa0])))],
]

/** Whole, byte by byte, and in every two pieces. */
function everySplit(stream: Buffer): Verdict[] {
  const pairs = Array.from({ length: stream.length - 1 }, (_, n) => [stream.subarray(0, n + 1), stream.subarray(n + 1)])
  const single = Array.from(stream, (_, n) => stream.subarray(n, n + 1))
  return [[stream], single, ...pairs].map((pieces) => inspectAll(FRONT_LIMITS, pieces))
}

describe('after CONNECT', () => {
  it.each(OPEN)('%s: %s', (cause, _what, bad) => {
    const before = [CONNECT, packet(0x32, 'a/b', 0, 7, 1, 2, 3)]
    const good = cause === 'MQTT-3.14.4-2' ? 3 : 2
    for (const verdict of everySplit(bytes(...before, bad)))
      expect(verdict).toMatchObject({ refused: cause, packets: good })
    expect(readAsStandard(FRONT_LIMITS, bytes(...before, bad))).toMatchObject({ refused: true })
  })
})

describe('the first packet', () => {
  it.each(FIRST)('%s: %s', (cause, _what, bad, connack) => {
    for (const verdict of everySplit(bad)) expect(verdict).toMatchObject({ refused: cause, connack, packets: 0 })
    expect(readAsStandard(FRONT_LIMITS, bad)).toEqual({ refused: true, ends: [] })
  })
})

describe('lets through', () => {
  it.each(GOOD)('%s: %s', (_clause, _what, stream) => {
    for (const verdict of everySplit(stream)) {
      expect(verdict).toMatchObject({ refused: undefined, underWay: false })
      expect(verdict.passed.equals(stream)).toBe(true)
    }
    expect(readAsStandard(FRONT_LIMITS, stream)).toMatchObject({
      refused: false,
      ends: expect.arrayContaining([stream.length]),
    })
  })
})
