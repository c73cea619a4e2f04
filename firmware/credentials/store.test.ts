import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CREDENTIALS_MAX, Credential, SetDigest, textOf } from '../../hub/contract/credentials.ts'
import { anyOf, jsonSchema } from '../../test/support/arbitrary.ts'
import { card, consistent } from './examples.ts'
import { createInterned } from './interned.ts'
import { createCredentialStore } from './store.ts'

const credentials = (anyOf(jsonSchema(Credential)) as fc.Arbitrary<Credential>).map(consistent)

/** Few first words, so that chains of probes form, wrap around the end of the table and lose their middle. */
const crowded = fc.tuple(fc.constantFrom(0, 1, 2, 126, 127), fc.nat(9)).map(([word, last]) => {
  const bytes = Buffer.alloc(16)
  bytes.writeUInt32LE(word, 0)
  bytes.writeUInt32LE(last, 12)
  return bytes.toString('base64url')
})

describe('the store', () => {
  it('is a map from ids to credentials, over any puts and removals', () => {
    const ids = fc.oneof(
      crowded,
      fc.nat(200).map((number) => card(number).id),
    )
    const step = fc.record({ id: ids, credential: credentials, isRemoval: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
        const store = createCredentialStore()
        const model = new Map<string, Credential>()
        for (const { id, credential, isRemoval } of steps) {
          if (isRemoval) expect(store.remove(id)).toBe(model.delete(id))
          else {
            model.set(id, { ...credential, id })
            expect(store.put({ ...credential, id })).toBe(true)
          }
        }
        const digest = new SetDigest()
        for (const [id, credential] of model) {
          expect(store.get(id)).toEqual(credential)
          digest.toggle(textOf(credential))
        }
        for (const { id } of steps) expect(store.get(id)).toEqual(model.get(id))
        expect(store.count).toBe(model.size)
        expect(store.digest).toBe(digest.hex)
        expect([...store.all()].map(textOf).sort()).toEqual([...model.values()].map(textOf).sort())
      }),
      { numRuns: 60 },
    )
  })

  it('grows, and holds no more than a gateway may', () => {
    const store = createCredentialStore()
    const one = card(0)
    const id = Buffer.alloc(16)
    const put = (number: number) => {
      id.writeUInt32LE(number, 0)
      return store.put({ ...one, id: id.toString('base64url') })
    }
    for (let number = 0; number < CREDENTIALS_MAX; number++)
      if (!put(number)) expect.unreachable(`no room for ${number}`)
    expect(put(CREDENTIALS_MAX)).toBe(false)
    expect(put(5)).toBe(true)
    expect(store.count).toBe(CREDENTIALS_MAX)
  })

  it('takes at most 100 bytes for a credential when it was made for as many', () => {
    const store = createCredentialStore(50_000)
    expect(store.bytes / 50_000).toBeLessThan(100)
  })

  it('has a bound for shared texts', () => {
    const interned = createInterned(2)
    expect([interned.numberOf('a'), interned.numberOf('b'), interned.numberOf('a'), interned.numberOf('c')]).toEqual([
      0,
      1,
      0,
      undefined,
    ])
    expect(interned.hasRoomFor(['a', 'b'])).toBe(true)
    expect(interned.hasRoomFor(['c'])).toBe(false)
  })
})
