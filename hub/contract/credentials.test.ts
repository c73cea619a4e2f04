import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyOf, jsonSchema } from '../../test/support/arbitrary.ts'
import { mutationsOf } from '../../test/support/mutations.ts'
import { AnyCommand } from './command.ts'
import {
  Credential,
  CredentialsDelta,
  CredentialsHave,
  type Credential as CredentialType,
  cardPinHash,
  checkHave,
  checkUpdate,
  credentialCommands,
  credentialId,
  decodeCredential,
  keyId,
  normalForm,
  normalPlate,
  PART_BYTES_MAX,
  SetDigest,
  SnapshotPart,
  textOf,
} from './credentials.ts'
import { decodeJson, PAYLOAD_BYTES_MAX } from './decode.ts'
import { encodeJson } from './encode.ts'

const siteKey = Uint8Array.from({ length: 32 }, (_, at) => at)

function decodeUpdate(payload: Uint8Array) {
  const json = decodeJson(payload)
  return json.ok ? checkUpdate(json.value) : json
}

/** Schema-valid, but what a schema cannot say is left out. */
const plain = (anyOf(jsonSchema(Credential)) as fc.Arbitrary<CredentialType>).map(
  ({ until_s: _until, pin: _pin, duresspin: _duress, duress: _alone, ...rest }) => rest,
)

describe('hashes of credentials', () => {
  // Worked out with Python's hmac, hashlib and base64, not with this code.
  it('are those of RFC 2104 over label and text, cut to 16 bytes', () => {
    expect(credentialId(siteKey, 'card', 'h10301:17:5123')).toBe('VLXaS3ARU_FYl8fVZWs44g')
    expect(credentialId(siteKey, 'pin', '4711')).toBe('0CQu4hqse6Mw_tYXiUpaqA')
    expect(credentialId(siteKey, 'plate', '沪A12345')).toBe('0svYiGAzBVtyz3sbKfs9Hw')
    expect(cardPinHash(siteKey, 'VLXaS3ARU_FYl8fVZWs44g', '4711')).toBe('v7k_JcTUIT720ogR_QOraA')
    expect(keyId(siteKey)).toBe('0cb470d9')
  })

  it('differ between the kinds, and between the cards that a PIN stands beside', () => {
    const made = [
      credentialId(siteKey, 'card', '4711'),
      credentialId(siteKey, 'pin', '4711'),
      credentialId(siteKey, 'plate', '4711'),
      cardPinHash(siteKey, 'a', '4711'),
      cardPinHash(siteKey, 'b', '4711'),
    ]
    expect(new Set(made).size).toBe(made.length)
  })

  it('are not made with a key that can be guessed', () => {
    expect(() => keyId(siteKey.subarray(1))).toThrow(expect.objectContaining({ code: 'CREDENTIALS_KEY' }))
  })
})

describe('updates', () => {
  const part = { type: 'snapshot', key: '0cb470d9', epoch: 5, version: 9, digest: '0'.repeat(64) }

  it.each(Object.entries(credentialCommands))('decode to what was encoded: %s', (_name, schema) => {
    fc.assert(
      fc.property(
        anyOf(jsonSchema(schema)) as fc.Arbitrary<SnapshotPart>,
        fc.uniqueArray(plain, { selector: ({ id }) => id, maxLength: 5 }),
        (head, put) => {
          const update = { ...head, put: put.map(normalForm), ...('gone' in head ? { gone: [] } : {}), part: 1 }
          const { part: _part, ...delta } = update
          const value = update.type === 'snapshot' ? update : delta
          expect(decodeUpdate(encodeJson(value))).toEqual({ ok: true, value })
        },
      ),
      { numRuns: 100 },
    )
  })

  it('never throw, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          expect(decodeUpdate(bytes).ok).toBe(false)
        },
      ),
    )
  })

  it.each([
    ['a credential', Credential, decodeCredential],
    ['a part of a snapshot', SnapshotPart, (value: unknown) => decodeUpdate(encodeJson(value))],
    ['a delta', CredentialsDelta, (value: unknown) => decodeUpdate(encodeJson(value))],
    ['what a gateway has', CredentialsHave, checkHave],
  ] as const)('of which one thing is wrong are refused by its name: %s', (name, schema, decode) => {
    const full: Record<string, unknown> = {
      'a credential': normalForm({
        ...{ id: 'VLXaS3ARU_FYl8fVZWs44g', kind: 'card', class: 'visitor', gates: ['door-1'], from_s: 5, until_s: 6 },
        ...{ schedule: 'office', antipassback: 'hard', limits: { uses: 1, for_s: 2 } },
        ...{ pin: '0CQu4hqse6Mw_tYXiUpaqA', duresspin: 'v7k_JcTUIT720ogR_QOraA' },
      }),
      'a part of a snapshot': { ...part, count: 0, part: 1, parts: 1, put: [] },
      'a delta': { ...part, type: 'delta', from: 1, fromdigest: '0'.repeat(64), put: [], gone: [] },
      'what a gateway has': { key: '0cb470d9', epoch: 5, version: 9, digest: '0'.repeat(64), need: 'changes' },
    }
    const mutations = mutationsOf(jsonSchema(schema), full[name])
    expect(mutations.length).toBeGreaterThan(10)
    for (const { what, path, body } of mutations) {
      const decoded = decode(body)
      expect(decoded.ok ? 'taken' : decoded.error.code, what).toBe('SCHEMA_VIOLATION')
      // The type of an update is looked at before anything else.
      if (!decoded.ok && path !== '/') expect(decoded.error.path, what).toBe(path)
    }
  })

  it('whose credentials contradict themselves are refused', () => {
    const id = 'VLXaS3ARU_FYl8fVZWs44g'
    const other = '0CQu4hqse6Mw_tYXiUpaqA'
    const one = { id, kind: 'card', class: 'visitor', gates: ['*'], antipassback: 'none' }
    for (const [path, put] of [
      ['/put/0/until_s', [{ ...one, from_s: 9, until_s: 9 }]],
      ['/put/0/pin', [{ ...one, kind: 'plate', pin: other }]],
      ['/put/0/duresspin', [{ ...one, duresspin: other }]],
      ['/put/0/duresspin', [{ ...one, pin: other, duresspin: other }]],
      ['/put/0/duress', [{ ...one, duress: true }]],
      ['/put/1/id', [one, { ...one, class: 'staff' }]],
    ] as const) {
      const decoded = decodeUpdate(encodeJson({ ...part, count: 1, part: 1, parts: 1, put }))
      expect(decoded).toMatchObject({ ok: false, error: { code: 'SCHEMA_VIOLATION', path } })
    }
    const delta = { ...part, type: 'delta', from: 1, fromdigest: '0'.repeat(64), put: [one], gone: [id] }
    expect(decodeUpdate(encodeJson(delta))).toMatchObject({ error: { path: '/put/0/id' } })
    expect(decodeUpdate(encodeJson({ ...part, count: 0, part: 2, parts: 1, put: [] }))).toMatchObject({
      error: { path: '/part' },
    })
  })

  it('leave room for the longest command that can carry them', () => {
    const longest = fc.tuple(anyOf(jsonSchema(AnyCommand)), fc.constantFrom('\u0000', '\ud800', '街', '"'))
    fc.assert(
      fc.property(longest, ([command, letter]) => {
        const actor = { kind: 'installer', id: letter.repeat(80) }
        const around = { ...(command as object), id: 'x'.repeat(64), actor, reason: letter.repeat(200), args: '' }
        expect(PART_BYTES_MAX + encodeJson(around).length).toBeLessThanOrEqual(PAYLOAD_BYTES_MAX)
      }),
    )
  })
})

describe('the normal form', () => {
  it('is one text for one meaning', () => {
    fc.assert(
      fc.property(plain, (one) => {
        const shuffled = Object.fromEntries(Object.entries(one).reverse()) as unknown as CredentialType
        const twice = { ...shuffled, gates: [...one.gates, ...one.gates].reverse(), duress: false }
        expect(textOf(normalForm(twice))).toBe(textOf(normalForm(one)))
        expect(normalForm(normalForm(one))).toEqual(normalForm(one))
      }),
    )
  })
})

describe('the digest of a set', () => {
  it('is the exclusive or of SHA-256 digests', () => {
    const set = new SetDigest()
    for (const text of ['a', 'b']) set.toggle(text)
    // Worked out with Python's hashlib.
    expect(set.hex).toBe('f4b46904ca22e480c94b7ed6fec26d792c3b95f89ca8623872f3992b7a724826')
  })

  it('knows a set whatever the order and the way to it, and tells different sets apart', () => {
    const texts = fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(texts, fc.nat(), (set, seed) => {
        const [one, other] = [new SetDigest(), new SetDigest()]
        for (const text of set) one.toggle(text)
        for (const text of [...set].reverse()) other.toggle(text)
        expect(other.hex).toBe(one.hex)
        const some = set[seed % set.length] ?? ''
        other.toggle(some)
        expect(other.hex).not.toBe(one.hex)
        const resumed = new SetDigest(other.hex)
        resumed.toggle(some)
        expect(resumed.hex).toBe(one.hex)
      }),
    )
  })
})

describe('plates', () => {
  it.each([
    ['京A12345', '京A12345', 'ordinary'],
    ['沪 a·1b2c3', '沪A1B2C3', 'ordinary'],
    ['粤Z1234港', '粤Z1234港', 'ordinary'],
    ['川A1234警', '川A1234警', 'ordinary'],
    ['京O12345', '京O12345', 'ordinary'],
    ['京AI2O45', '京A12045', 'ordinary'],
    ['粤BD12345', '粤BD12345', 'new-energy'],
    ['粤B·DF2345', '粤BDF2345', 'new-energy'],
    ['粤B12345F', '粤B12345F', 'new-energy'],
    ['粤BDO2345', '粤BD02345', 'new-energy'],
    ['使014578', '使014578', 'embassy'],
    ['WJ粤1234X', 'WJ粤1234X', 'police'],
    ['AB 12 CDE', 'AB12CDE', 'other'],
    ['ＡＢ１２３', 'AB123', 'other'],
  ])('%s is %s', (written, text, kind) => {
    expect(normalPlate(written)).toEqual({ text, kind })
  })

  it.each([
    ['', 'nothing'],
    ['京', 'too short'],
    ['京A1234', 'a digit too few'],
    ['京A1234567', 'too long'],
    ['粤BL12345', 'eight characters, and L is no letter of new energy'],
    ['A-1', 'too short'],
    ['京A12345'.repeat(9), 'far too long'],
  ])('%s is none: %s', (written) => {
    expect(normalPlate(written)).toBeUndefined()
  })

  it('are the same however they are written', () => {
    const plates = fc.constantFrom('京A12345', '粤BD12345', '粤B12345F', '粤Z1234港', '使014578', 'AB12CDE')
    const between = fc.array(fc.constantFrom('', ' ', '·', '-', '.', '　'), { minLength: 10, maxLength: 10 })
    fc.assert(
      fc.property(plates, between, fc.boolean(), (plate, marks, isLower) => {
        const written = [...plate].map((letter, at) => letter + marks[at]).join('')
        expect(normalPlate(isLower ? written.toLowerCase() : written)?.text).toBe(plate)
      }),
    )
  })

  it('never make anything throw, and a normal form stays one', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (written) => {
        const text = normalPlate(written)?.text
        if (text !== undefined) expect(normalPlate(text)?.text).toBe(text)
      }),
    )
  })
})
