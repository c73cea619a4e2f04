import fc from 'fast-check'
import type { TSchema } from 'typebox'
import { catalog } from '../../hub/contract/catalog.ts'
import { DEVICE_CLASSES, type DeviceClass } from '../../hub/contract/topic.ts'

/**
 * Random values of the contract, made from its schemas: a field that is added to the contract is covered by every
 * property test without anybody writing a generator for it.
 */

/** The part of JSON Schema that the contract uses. */
export interface JsonSchema {
  type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean'
  properties?: Record<string, JsonSchema>
  required?: string[]
  minProperties?: number
  additionalProperties?: boolean
  patternProperties?: Record<string, JsonSchema>
  items?: JsonSchema
  minItems?: number
  maxItems?: number
  enum?: string[]
  const?: unknown
  pattern?: string
  format?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  description?: string
}

/** TypeBox schemas are JSON Schema objects; its types do not say so. */
export function jsonSchema(schema: TSchema): JsonSchema {
  return schema as JsonSchema
}

const ITEMS_MAX = 6

/** Values that match the schema and survive JSON unchanged (no -0, no undefined). */
export function anyOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  switch (schema.type) {
    case 'object':
      return objectOf(schema)
    case 'array': {
      const maxLength = Math.min(schema.maxItems ?? ITEMS_MAX, ITEMS_MAX)
      return fc.array(anyOf(schema.items ?? {}), { minLength: schema.minItems ?? 0, maxLength })
    }
    case 'string':
      return textOf(schema)
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -(2 ** 31), max: schema.maximum ?? 2 ** 31 - 1 })
    case 'number':
      return fc
        .double({
          noNaN: true,
          noDefaultInfinity: true,
          min: schema.minimum ?? -Number.MAX_VALUE,
          max: schema.maximum ?? Number.MAX_VALUE,
        })
        .map((value) => value + 0)
    case 'boolean':
      return fc.boolean()
    default:
      return fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown)
  }
}

function objectOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  const { properties = {}, required = [], minProperties = 0, patternProperties } = schema
  if (patternProperties) {
    const [values = {}] = Object.values(patternProperties)
    return fc.dictionary(fc.string({ maxLength: 12 }), anyOf(values), { maxKeys: ITEMS_MAX, noNullPrototype: true })
  }
  const model = Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, anyOf(one)]))
  const record = fc.record(model, { requiredKeys: required, noNullPrototype: true })
  return minProperties === 0 ? record : record.filter((value) => Object.keys(value).length >= minProperties)
}

function textOf(schema: JsonSchema): fc.Arbitrary<string> {
  if (schema.format === 'date-time') {
    const min = new Date('1971-01-01T00:00:00Z')
    const max = new Date('2999-12-31T00:00:00Z')
    return fc.date({ min, max, noInvalidDate: true }).map((date) => date.toISOString())
  }
  if (schema.format) throw new Error(`no generator for format ${schema.format}: add it to test/support/arbitrary.ts`)
  if (schema.pattern) return fc.stringMatching(new RegExp(schema.pattern))
  return fc.string({
    unit: 'grapheme',
    minLength: schema.minLength ?? 0,
    maxLength: Math.min(schema.maxLength ?? 20, 20),
  })
}

export const segments = fc.oneof(
  { weight: 5, arbitrary: fc.stringMatching(/^[a-z0-9-]{1,40}$/) },
  { weight: 1, arbitrary: fc.constantFrom('constructor', 'prototype', '-', '0', 'a'.repeat(40)) },
)

export const commandIds = fc.stringMatching(/^[A-Za-z0-9-]{1,64}$/)

/** The classes that this version of the contract knows. */
export const knownClasses = DEVICE_CLASSES.filter((one) => catalog[one] !== undefined)

export function addresses(deviceClass: fc.Arbitrary<DeviceClass> = fc.constantFrom(...knownClasses)) {
  return fc.record(
    {
      street: segments,
      community: segments,
      estate: segments,
      gateway: segments,
      class: deviceClass,
      device: segments,
    },
    { noNullPrototype: true },
  )
}
