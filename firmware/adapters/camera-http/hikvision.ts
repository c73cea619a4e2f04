import { isUtf8 } from 'node:buffer'
import sax from 'sax'
import { LinliError, reasonOf } from '../../../hub/contract/errors.ts'

/**
 * What a Hikvision camera pushes to an alarm host (ISAPI, EventNotificationAlert 2.0; its SDK guide "Traffic", section
 * XML_EventNotificationAlert_ANPR). Of its hundred fields five matter here.
 */

/** Path of an element → the field that it is. */
const FIELDS: Readonly<Partial<Record<string, keyof Found>>> = {
  'EventNotificationAlert/eventType': 'eventType',
  'EventNotificationAlert/dateTime': 'dateTime',
  'EventNotificationAlert/ANPR/licensePlate': 'licensePlate',
  'EventNotificationAlert/ANPR/confidenceLevel': 'confidenceLevel',
  'EventNotificationAlert/ANPR/direction': 'direction',
}
interface Found {
  eventType?: string
  dateTime?: string
  licensePlate?: string
  confidenceLevel?: string
  direction?: string
}

const DEPTH_MAX = 32
const FIELD_CHARS_MAX = 200
/** What the camera writes where it saw a vehicle and no plate. */
const NO_PLATE = /^(unknown|noplate|no plate)?$/i

/** A reading as far as it goes, for the check against the contract. */
export interface AnprReading {
  plate: string
  confidence: number
  at?: string
  /** The vehicle drives away from the camera. */
  isLeaving: boolean
}

/**
 * @returns undefined for any other event, heartbeats included
 * @throws {LinliError} PAYLOAD_NOT_UTF8, PAYLOAD_NOT_XML
 */
export function readAnpr(body: Uint8Array): AnprReading | undefined {
  if (!isUtf8(body)) throw refused('PAYLOAD_NOT_UTF8', 'the XML is not valid UTF-8')
  const found = fieldsOf(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'))
  if (found.eventType !== 'ANPR') return undefined
  const { licensePlate = '', confidenceLevel, dateTime, direction } = found
  return {
    // A question mark is no plate in any country: the gate tells of a vehicle whose plate could not be read.
    plate: NO_PLATE.test(licensePlate) ? '?' : licensePlate,
    confidence: confidenceLevel === undefined ? Number.NaN : Number(confidenceLevel) / 100,
    ...(hasZone(dateTime) ? { at: dateTime } : {}),
    isLeaving: direction === 'reverse',
  }
}

/** Without its zone a time says nothing. */
function hasZone(text: string | undefined): text is string {
  return text !== undefined && /(Z|[+-]\d\d:\d\d)$/i.test(text)
}

/** A strict parser that knows no entities but the five of XML: nothing in a document makes it read or grow anything. */
function fieldsOf(text: string): Found {
  const found: Found = {}
  const path: string[] = []
  const parser = sax.parser(true, { trim: true })
  parser.onopentag = ({ name }) => {
    if (path.length >= DEPTH_MAX) throw refused('PAYLOAD_NOT_XML', `elements are at most ${DEPTH_MAX} deep`)
    path.push(name)
  }
  parser.onclosetag = () => void path.pop()
  const onText = (value: string) => {
    const field = FIELDS[path.join('/')]
    if (field !== undefined) found[field] = `${found[field] ?? ''}${value}`.slice(0, FIELD_CHARS_MAX)
  }
  parser.ontext = onText
  parser.oncdata = onText
  parser.onerror = (error) => {
    throw refused('PAYLOAD_NOT_XML', `not well-formed XML: ${reasonOf(error).split('\n')[0]}`)
  }
  parser.write(text.replace(/^\ufeff/, '')).close()
  return found
}

function refused(code: string, message: string): LinliError {
  return new LinliError(code, message, { kind: 'caller' })
}
