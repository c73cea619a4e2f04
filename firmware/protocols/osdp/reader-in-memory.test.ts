import { describe, expect, it } from 'vitest'
import { createReaderInMemory } from './reader-in-memory.ts'

const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (one) => Number.parseInt(one, 16))
const hexOf = (found: number[] | undefined) => found?.map((one) => one.toString(16).padStart(2, '0')).join('')

describe('the reader in memory', () => {
  it('answers as the capture of a real reader in OSDP.Net ReplyTest.cs: ACK at address 0, sequence 1', () => {
    const reader = createReaderInMemory(0)
    expect(hexOf(reader.plain(1, 0x40, []))).toBe('ff538008000540689f')
  })

  it('answers a right frame and is silent to a broken one', () => {
    const reader = createReaderInMemory(0x65)
    // The ID command of libosdp's tests/unit-tests/test-cp-phy.c.
    expect(hexOf(reader.receive(bytes('ff53650900046100d97a')))).toContain('450a0b0c')
    expect(reader.receive(bytes('ff53650900046100d97b'))).toBeUndefined()
  })
})
