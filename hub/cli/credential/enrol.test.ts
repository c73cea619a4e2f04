import { describe, expect, it } from 'vitest'
import { CREDENTIALS_MAX, cardPinHash, credentialId } from '../../contract/credentials.ts'
import { credentialOf, idOf, type Written } from './enrol.ts'
import { readTable } from './table.ts'

const KEY = new Uint8Array(32).fill(7)
const written = (more: Partial<Written> = {}): Written => ({
  kind: 'card',
  text: 'h10301:17:5123',
  class: 'visitor',
  ...more,
})

describe('a credential as it is written down', () => {
  it('becomes what gateways compare, with nothing readable in it', () => {
    const id = credentialId(KEY, 'card', 'h10301:17:5123')
    const credential = credentialOf(
      KEY,
      written({
        gates: 'door-2, door-1',
        from: '2027-05-01T08:00:00+08:00',
        until: '2027-05-01T00:00:01Z',
        uses: '3',
        schedule: 'office',
        antipassback: 'hard',
        pin: '4711',
        duressPin: '4712',
      }),
    )
    expect(credential).toEqual({
      id,
      kind: 'card',
      class: 'visitor',
      gates: ['door-1', 'door-2'],
      from_s: 1_809_129_600,
      until_s: 1_809_129_601,
      schedule: 'office',
      antipassback: 'hard',
      limits: { uses: 3 },
      pin: cardPinHash(KEY, id, '4711'),
      duresspin: cardPinHash(KEY, id, '4712'),
    })
    expect(JSON.stringify(credential)).not.toMatch(/5123|4711/)
  })

  it('opens all gates when none is named', () => {
    expect(credentialOf(KEY, written()).gates).toEqual(['*'])
  })

  it('takes a plate in any spelling for the same', () => {
    expect(idOf(KEY, 'plate', '京A·12345')).toBe(idOf(KEY, 'plate', '京a 12345'))
  })

  it.each<[Partial<Written>, RegExp]>([
    [{ kind: 'finger' }, /^--kind is finger; allowed: card, pin, plate$/],
    [{ class: 'king' }, /^--class is king; allowed: resident/],
    [{ text: '5123' }, /^--text of a card is format:facility:number/],
    [{ kind: 'pin', text: '12a4' }, /^--text is not a PIN: 4 to 8 digits$/],
    [{ kind: 'plate', text: '!' }, /^--text is no number plate$/],
    [{ from: '2027-05-01 08:00' }, /^--from is .*RFC 3339/],
    [{ from: '2027-05-01T08:00:00Z', until: '2027-05-01T08:00:00Z' }, /until_s is not after from_s/],
    [{ uses: 'many' }, /uses/],
    [{ gates: 'Door 1' }, /gates/],
    [{ antipassback: 'firm' }, /^--antipassback is firm; allowed: none, soft, hard$/],
    [{ pin: '123' }, /^--pin is not a PIN/],
    [{ pin: '4711', duressPin: '4711' }, /duress PIN/],
  ])('refuses %j by the name of the option', (more, message) => {
    expect(() => credentialOf(KEY, written(more))).toThrow(message)
  })
})

describe('a table of credentials', () => {
  it('is read with quotes, blank lines, a byte order mark and any order of columns', () => {
    const text =
      '\uFEFFclass,kind,text,gates\r\nstaff,card,h10301:1:2,"door-1,door-2"\r\n\r\nvisitor,plate,"京A""1",\r\n'
    expect(readTable(Buffer.from(text))).toEqual([
      { line: 2, row: { kind: 'card', text: 'h10301:1:2', class: 'staff', gates: 'door-1,door-2' } },
      { line: 4, row: { kind: 'plate', text: '京A"1', class: 'visitor' } },
    ])
  })

  it.each([
    ['kind,text,class,colour', /^line 1: column colour is unknown/],
    ['kind,text', /^line 1: there is no column class$/],
    ['kind,text,class\ncard,h10301:1:2', /^line 2: 2 fields; the header has 3$/],
    ['kind,text,class\ncard,"h10301:1:2,staff', /^not a readable CSV file: Quote Not Closed/],
    ['kind,text,class\ncard,=cmd|calc,staff', /^cell B2 is a formula/],
    ['kind,text,class\ncard,\u0000,staff', /NUL bytes/],
    ['kind,text,class\ncard,\u001b[2J,staff', /^cell B2 has control characters/],
    [`kind,text,class\n${'x'.repeat(200_000)}`, /^not a readable CSV file/],
    ['kind,__proto__,text,class\n', /^line 1: column __proto__ is unknown/],
    ['kind,text,class\n'.repeat(CREDENTIALS_MAX + 2), /^the file has more than 100000 rows$/],
  ])('refuses %.60s by its line', (text, message) => {
    expect(() => readTable(Buffer.from(text))).toThrow(message)
  })
})
