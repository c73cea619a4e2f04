import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type JsonSchema, jsonSchema } from '../../test/support/arbitrary.ts'
import { GATE_CODES } from './access-gate.ts'
import { Availability } from './availability.ts'
import { catalog } from './catalog.ts'
import { AnyCommand, COMMAND_CODES, Result } from './command.ts'
import { CONFIGURATION_CODES } from './configuration.ts'
import { decodeMessage, PAYLOAD_BYTES_MAX } from './decode.ts'
import { CONTRACT_CODES } from './errors.ts'
import { AnyEvent } from './event.ts'
import { READER_CODES } from './gateway.ts'
import { ESTATE_CODES, REPLAY_CODES, REPLAY_MAX } from './hub.ts'
import { INCIDENT_CODES } from './incident.ts'
import { Meta } from './meta.ts'
import { PARK_CODES, READING_REASONS } from './park-sensor.ts'
import { PlateReading } from './plate.ts'
import { SenmlPack } from './senml.ts'
import { isRetained, parseTopic } from './topic.ts'

const page = readFileSync(new URL('README.md', import.meta.url), 'utf8')

/** The rows of the tables under a heading of level 2, without the padding of the formatter. */
function rowsUnder(heading: string): string[] {
  const section = page.split(/^## /m).find((one) => one.startsWith(`${heading}\n`))
  if (section === undefined) throw new Error(`hub/contract/README.md has no section "## ${heading}"`)
  const rows = section.split('\n').filter((line) => line.startsWith('| '))
  return rows.map((line) => line.replace(/ +/g, ' '))
}

/** Every field name and every allowed value of a schema. */
function words(schema: JsonSchema): string[] {
  const inside = Object.entries(schema.properties ?? {}).flatMap(([name, one]) => [name, ...words(one)])
  return [...inside, ...(schema.enum ?? []), ...(schema.items ? words(schema.items) : [])]
}

function missing(rows: string[], wanted: string[]): string[] {
  const text = rows.join('\n')
  return wanted.filter((word) => !text.includes(`\`${word}\``))
}

const titles: Record<string, string> = {
  'access-gate': 'Access gate',
  'alarm-button': 'Alarm button',
  camera: 'Camera',
  gateway: 'Gateway',
  hub: 'Hub',
  incident: 'Incident',
  'park-sensor': 'Park sensor',
}

describe('hub/contract/README.md', () => {
  it.each([
    ['Envelope of events and telemetry', AnyEvent],
    ['Telemetry', SenmlPack],
    ['Camera', PlateReading],
    ['Availability', Availability],
    ['Commands and results', AnyCommand],
    ['Commands and results', Result],
  ] as const)('explains every field and value under "%s"', (heading, schema) => {
    expect(missing(rowsUnder(heading), words(jsonSchema(schema)))).toEqual([])
  })

  it('explains every field of meta', () => {
    const { class: _classes, ...properties } = jsonSchema(Meta).properties ?? {}
    expect(missing(rowsUnder('Meta'), ['class', ...words({ properties })])).toEqual([])
  })

  it.each(Object.entries(catalog))('explains the events, state and commands of %s', (deviceClass, contract) => {
    const rows = rowsUnder(titles[deviceClass] ?? deviceClass)
    for (const [name, schema] of [...Object.entries(contract.events), ...Object.entries(contract.commands)]) {
      // `reset` is an event and a command: it has two rows.
      const own = rows.filter((line) => line.startsWith(`| \`${name}\` |`))
      expect(own, `a row for ${name} of ${deviceClass}`).not.toEqual([])
      expect(missing(own, words(jsonSchema(schema))), `fields of ${name} of ${deviceClass}`).toEqual([])
    }
    expect(missing(rows, words(jsonSchema(contract.state))), `state of ${deviceClass}`).toEqual([])
  })

  it('lists the error codes with the meaning that the code gives', () => {
    const listed = rowsUnder('Error codes').filter((line) => line.startsWith('| `'))
    expect(listed).toEqual(Object.entries(CONTRACT_CODES).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`))
  })

  it('lists the codes of commands with the meaning that the code gives', () => {
    const listed = rowsUnder('Commands and results').filter((line) => /^\| `[A-Z_]+` \|/.test(line))
    expect(listed).toEqual(Object.entries(COMMAND_CODES).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`))
  })

  it('lists the codes of gates with the meaning that the code gives', () => {
    const listed = rowsUnder('Access gate').filter((line) => line.startsWith('| `GATE_'))
    expect(listed).toEqual(Object.entries(GATE_CODES).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`))
  })

  it('lists the codes of card readers with the meaning that the code gives', () => {
    const listed = rowsUnder('Gateway').filter((line) => line.startsWith('| `READER_'))
    expect(listed).toEqual(Object.entries(READER_CODES).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`))
  })

  it('lists the codes of configurations with the meaning that the code gives', () => {
    const listed = rowsUnder('Gateway').filter((line) => line.startsWith('| `CONFIG_'))
    expect(listed).toEqual(Object.entries(CONFIGURATION_CODES).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`))
  })

  it.each([
    ['codes', PARK_CODES],
    ['reasons', READING_REASONS],
  ])('lists the %s of park sensors with the meaning that the code gives', (_what, meanings) => {
    const rows = rowsUnder('Park sensor')
    for (const [name, meaning] of Object.entries(meanings)) expect(rows).toContain(`| \`${name}\` | ${meaning} |`)
  })

  it('lists the codes of the estate with the meaning that the code gives', () => {
    const listed = rowsUnder('Hub').filter((line) => /^\| `(ESTATE|HUB)_/.test(line))
    expect(listed).toEqual(Object.entries(ESTATE_CODES).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`))
  })

  it('lists the codes of incidents with the meaning that the code gives', () => {
    const listed = rowsUnder('Incident').filter((line) => line.startsWith('| `INCIDENT_'))
    expect(listed).toEqual(Object.entries(INCIDENT_CODES).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`))
  })

  it('lists the codes of replays with the meaning that the code gives', () => {
    const listed = rowsUnder('Hub').filter((line) => line.startsWith('| `REPLAY_'))
    expect(listed).toEqual(Object.entries(REPLAY_CODES).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`))
  })

  it('gives the limits that hold', () => {
    expect(page).toContain(`at most ${REPLAY_MAX.toLocaleString('en')}; then`)
    expect(page).toContain(`at most ${PAYLOAD_BYTES_MAX.toLocaleString('en')} bytes`)
    expect(page).toContain(`at most ${jsonSchema(SenmlPack).maxItems} records`)
  })

  it('shows an example of every kind of message, each of which decodes', () => {
    const examples = [...page.matchAll(/^Topic `(.+)`\n\n```json\n([^`]+)```/gm)]
    expect(examples.length).toBe(page.split('```json').length - 1)
    const kinds = examples.map(([, topicName = '', body = '']) => {
      const topic = parseTopic(topicName)
      const retain = topic.ok && isRetained(topic.value.channel)
      const decoded = decodeMessage(topicName, new TextEncoder().encode(body), retain)
      if (!decoded.ok) throw decoded.error
      return decoded.value.kind
    })
    const every = ['availability', 'command', 'event', 'meta', 'plate', 'result', 'state', 'telemetry']
    expect([...new Set(kinds)].sort()).toEqual(every)
  })
})
