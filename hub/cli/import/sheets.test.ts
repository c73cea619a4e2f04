import { createZipArchiveSync, ZipEntry } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LinliError } from '../../contract/errors.ts'
import { readCsv } from './csv.ts'
import { devicesOf } from './devices.ts'
import { CELL_CHARS_MAX, COLUMNS_MAX, cellName, ROWS_MAX, type Row } from './sheet.ts'
import { readXlsx } from './xlsx.ts'

const cells = (rows: Row[]) => rows.map((row) => row.cells)
const csv = (text: string) => readCsv(Buffer.from(text))
const said = async (work: () => unknown) => {
  try {
    await work()
    return 'read'
  } catch (error) {
    expect(error).toBeInstanceOf(LinliError)
    expect((error as LinliError).kind).toBe('caller')
    return (error as LinliError).message
  }
}

type Parts = Record<string, string | Uint8Array>
const RELATION = '<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.xml"/></Relationships>'
const sheetOf = (rows: string) => `<worksheet><sheetData>${rows}</sheetData></worksheet>`
function workbook(rows: string, more: Parts = {}): Buffer {
  const parts: Parts = {
    'xl/workbook.xml': '<workbook xmlns:r="r"><sheets><sheet name="S" r:id="rId1"/></sheets></workbook>',
    'xl/_rels/workbook.xml.rels': RELATION,
    'xl/worksheets/sheet1.xml': sheetOf(rows),
    ...more,
  }
  const entries = Object.entries(parts).map(([name, content]) =>
    ZipEntry.createSync(name, Buffer.from(content as string)),
  )
  return Buffer.concat([...createZipArchiveSync(entries)] as Uint8Array[])
}

describe('a CSV file', () => {
  it('is read with quotes, byte order mark, any line end, and what separates its columns', () => {
    expect(cells(csv('\uFEFFid,label\r\nb1,"大堂, ""左"""\r\n'))).toEqual([
      ['id', 'label'],
      ['b1', '大堂, "左"'],
    ])
    expect(cells(csv('id;label\nb1;a,b\n'))).toEqual([
      ['id', 'label'],
      ['b1', 'a,b'],
    ])
    expect(cells(csv('id\tlabel\nb1\t-1.5\n'))).toEqual([
      ['id', 'label'],
      ['b1', '-1.5'],
    ])
  })

  it('is read as Excel writes it in China', () => {
    const gbk = Buffer.concat([Buffer.from('id,label\nb1,'), Buffer.from([0xb4, 0xf3, 0xcc, 0xc3])])
    expect(cells(readCsv(gbk))[1]).toEqual(['b1', '大堂'])
    // Cut in the middle of a character.
    expect(() => readCsv(gbk.subarray(0, -1))).toThrow('neither UTF-8 nor GB18030')
  })

  it.each(['utf16le', 'utf16le with a mark'])('in %s is refused and told why', (encoding) => {
    const mark = encoding.endsWith('mark') ? '\uFEFF' : ''
    expect(() => readCsv(Buffer.from(`${mark}id\nb1\n`, 'utf16le'))).toThrow(/NUL bytes|neither UTF-8 nor GB18030/)
  })

  it.each([
    ['a formula', 'id\n=cmd|calc', 'cell A2 is a formula'],
    ['a formula behind a sign', 'id,x\nb1,@SUM(A1)', 'cell B2 is a formula'],
    ['NUL', 'id\nb\u00001', 'NUL bytes'],
    ['control characters', 'id\nb\u001b[31m', 'cell A2 has control characters'],
    ['a cell without end', `id\n"${'x'.repeat(400_000)}`, 'not a readable CSV file'],
    ['a long cell', `id\n${'x'.repeat(CELL_CHARS_MAX + 1)}`, 'cell A2 has 501 characters; allowed: 500'],
    ['too many columns', `${'x,'.repeat(COLUMNS_MAX)}x`, 'at most 64 columns'],
    ['too many rows', 'x\n'.repeat(ROWS_MAX + 1), 'more than 20000 rows'],
    ['a million rows', 'b1\n'.repeat(1_000_000), 'more than 20000 rows'],
    ['a quote left open', 'id\n"b1', 'not a readable CSV file'],
  ])('is refused for %s', async (_what, text, says) => {
    expect(await said(() => csv(text))).toContain(says)
  })

  it('of any bytes is read or refused, never more', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        await said(() => devicesOf(readCsv(bytes)))
      }),
    )
  })
})

describe('an Excel workbook', () => {
  it('is read: shared and own texts, numbers, truth, gaps', async () => {
    const rows = [
      '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="inlineStr"><is><t>label</t></is></c></row>',
      '<row r="3"><c r="A3"><v>12</v></c><c r="B3" t="b"><v>1</v></c><c r="C3" t="s"><v>1</v></c></row>',
    ].join('')
    const texts = '<sst><si><t>id</t></si><si><r><t>大</t></r><r><t>堂</t></r><rPh><t>だいどう</t></rPh></si></sst>'
    expect(await readXlsx(workbook(rows, { 'xl/sharedStrings.xml': texts }))).toEqual([
      { row: 1, cells: ['id', '', 'label'] },
      { row: 3, cells: ['12', 'true', '大堂'] },
    ])
  })

  const bomb = sheetOf(`<row r="1"><c r="A1"><v>${'1'.repeat(70_000_000)}</v></c></row>`)
  it.each<[string, () => Buffer, string]>([
    ['a formula', () => workbook('<row r="2"><c r="B2"><f>1+1</f><v>2</v></c></row>'), 'cell B2 is a formula'],
    ['an error', () => workbook('<row r="1"><c r="A1" t="e"><v>#REF!</v></c></row>'), 'cell A1 holds an error (#REF!)'],
    [
      'a text that is not there',
      () => workbook('<row r="1"><c r="A1" t="s"><v>7</v></c></row>'),
      'cell A1 names a text',
    ],
    ['a zip bomb', () => workbook('', { 'xl/worksheets/sheet1.xml': bomb }), 'unpacks to more than 67108864 bytes'],
    ['names that lead outside', () => workbook('', { '../../etc/passwd': 'x' }), 'not a readable Excel file'],
    [
      'a sheet that is not there',
      () => workbook('', { 'xl/_rels/workbook.xml.rels': RELATION.replace('sheet1', 'sheet9') }),
      'it has no xl/worksheets/sheet9.xml',
    ],
    [
      'entities of its own',
      () =>
        workbook('', {
          'xl/worksheets/sheet1.xml': `<!DOCTYPE a [<!ENTITY x "y">]>${sheetOf('<row r="1"><c r="A1"><v>&x;</v></c></row>')}`,
        }),
      'not well-formed XML',
    ],
    ['a column far away', () => workbook('<row r="1"><c r="XFD1"><v>1</v></c></row>'), 'at most 64 columns'],
    [
      'another zip',
      () => Buffer.concat([...createZipArchiveSync([ZipEntry.createSync('a.txt', Buffer.from('x'))])] as Uint8Array[]),
      'it has no xl/workbook.xml',
    ],
    ['half a file', () => workbook('').subarray(0, 300), 'not a readable Excel file'],
  ])('is refused for %s', async (_what, file, says) => {
    expect(await said(() => readXlsx(file()))).toContain(says)
  })

  it('whose bytes were changed is read or refused, never more', async () => {
    const good = workbook('<row r="1"><c r="A1"><v>1</v></c></row>')
    const change = fc.tuple(fc.nat({ max: good.length - 1 }), fc.integer({ min: 0, max: 255 }))
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = Buffer.from(good)
        for (const [at, value] of changes) bytes[at] = value
        await said(() => readXlsx(bytes))
      }),
    )
  })
})

describe('a sheet of devices', () => {
  it('names its columns in Chinese or English, keeps texts texts, and sets fields within fields', () => {
    const { devices, mistakes } = devicesOf(
      csv(
        '网关,kind,编号,板,串口,楼栋,contactPin,inputs.contact.pin,strike\ngw-1,door,d1,7,/dev/ttyACM0,3,,4,fail-safe\n',
      ),
    )
    expect(mistakes).toEqual([])
    const fields = {
      kind: 'door',
      id: 'd1',
      board: '7',
      place: { building: '3' },
      inputs: { contact: { pin: 4 } },
      strike: 'fail-safe',
    }
    expect(devices).toEqual([{ gateway: 'gw-1', port: '/dev/ttyACM0', fields }])
  })

  it('has every mistake told with its cell', () => {
    const text = 'gateway,kind,id,__proto__.x\ngw 1,dor,B1,\ngw-1,door,b1,1\ngw-1,door,b2,\ngw-1,door,b2,\n'
    expect(devicesOf(csv(text)).mistakes).toEqual([
      'A2 (gateway): is "gw 1"; allowed: 1–40 of a–z, 0–9, -',
      'C2 (id): is "B1"; allowed: 1–40 of a–z, 0–9, -',
      'B2 (kind): is "dor"; allowed: alarm-button, door, barrier, park-sensor',
      expect.stringMatching(/^D3 \(__proto__\.x\): .* is not the name of a field/),
      'C5 (id): gw-1/b2 is there already, in row 4',
    ])
    expect(devicesOf(csv('id,id\nx,y\n')).mistakes).toEqual([
      'row 1: there is no column gateway',
      'row 1: there is no column kind',
      'B1: there are two columns id',
    ])
  })

  it('names cells as sheets do', () => {
    expect([0, 25, 26, 27, 63].map((column) => cellName(1, column))).toEqual(['A1', 'Z1', 'AA1', 'AB1', 'BL1'])
  })
})
