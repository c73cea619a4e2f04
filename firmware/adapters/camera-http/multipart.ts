import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import busboy from 'busboy'
import { LinliError, reasonOf } from '../../../hub/contract/errors.ts'

/** The XML of a multipart message (RFC 7578). Pictures come along in it: they are let go by unread, and kept nowhere. */

const XML_BYTES_MAX = 64 * 1024
/** With two or three pictures. */
const TOTAL_BYTES_MAX = 8 * 1024 * 1024
const PARTS_MAX = 16

/**
 * @returns the first part that is XML
 * @throws {LinliError} PAYLOAD_TOO_LARGE, PAYLOAD_NOT_MULTIPART
 */
export function readMultipart(headers: IncomingHttpHeaders, body: Readable): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let xml: Buffer | undefined
    let total_bytes = 0
    let hasFailed = false
    const parser = parserOf(headers)
    function fail(code: string, message: string): void {
      if (hasFailed) return
      hasFailed = true
      const error = new LinliError(code, message, { kind: 'caller' })
      body.unpipe(parser)
      if (body.readableEnded || body.destroyed) {
        reject(error)
        return
      }
      // What is still to come is read away: an answer before the end of the question does not reach the camera.
      body.once('close', () => reject(error))
      body.once('end', () => reject(error))
      body.resume()
    }
    const tooLarge = () =>
      fail('PAYLOAD_TOO_LARGE', `at most ${XML_BYTES_MAX} bytes of XML and ${TOTAL_BYTES_MAX} in all`)
    parser.on('file', (name, stream, { filename, mimeType }) => {
      if (xml !== undefined || !isXml(name, filename, mimeType)) return void stream.resume()
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('limit', tooLarge)
      stream.on('end', () => {
        xml ??= Buffer.concat(chunks)
      })
    })
    parser.on('field', (name, value, { mimeType }) => {
      if (isXml(name, undefined, mimeType)) xml ??= Buffer.from(value)
    })
    parser.on('error', (error) => fail('PAYLOAD_NOT_MULTIPART', `not a multipart message: ${reasonOf(error)}`))
    parser.on('close', () => {
      if (xml) resolve(xml)
      else fail('PAYLOAD_NOT_MULTIPART', 'no part of the message is XML')
    })
    body.on('data', (chunk: Buffer) => {
      total_bytes += chunk.length
      if (total_bytes > TOTAL_BYTES_MAX) tooLarge()
    })
    body.on('error', (error: Error) => fail('PAYLOAD_NOT_MULTIPART', reasonOf(error)))
    body.pipe(parser)
  })
}

function parserOf(headers: IncomingHttpHeaders) {
  try {
    return busboy({ headers, limits: { fileSize: XML_BYTES_MAX, fieldSize: XML_BYTES_MAX, parts: PARTS_MAX } })
  } catch (error) {
    throw new LinliError('PAYLOAD_NOT_MULTIPART', `not a multipart message: ${reasonOf(error)}`, { kind: 'caller' })
  }
}

function isXml(name: string, filename: string | undefined, mimeType: string): boolean {
  return /\/xml$/.test(mimeType) || /\.xml$/i.test(filename ?? name)
}
