/** MQTT 3.1.1 packets byte by byte, right ones and wrong ones alike. */

export type Part = number | string | Uint8Array

/** Numbers are bytes, strings are fields with their length in front. */
export function body(...parts: Part[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (typeof part === 'number') return Buffer.from([part])
      if (typeof part !== 'string') return Buffer.from(part)
      return field(Buffer.from(part))
    }),
  )
}

export function field(bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}

export function packet(first: number, ...parts: Part[]): Buffer {
  const rest = body(...parts)
  return Buffer.concat([Buffer.from([first, ...remainingLength(rest.length)]), rest])
}

/** §2.2.3 */
export function remainingLength(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...remainingLength(Math.floor(value / 128))]
}

export function connectPacket(options: { flags?: number; id?: string; rest?: Part[] } = {}): Buffer {
  return packet(0x10, 'MQTT', 4, options.flags ?? 0x02, 0, 60, options.id ?? 'front-test', ...(options.rest ?? []))
}
