import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import sax from 'sax'
import { reasonOf } from '../../contract/errors.ts'
import { failed } from '../failure.ts'

/** SOAP 1.2 as ONVIF speaks it: requests by hand, answers by a strict parser that knows no entities of its own. */

const SERVICES = {
  tds: 'http://www.onvif.org/ver10/device/wsdl',
  trt: 'http://www.onvif.org/ver10/media/wsdl',
  tptz: 'http://www.onvif.org/ver20/ptz/wsdl',
} as const
export type Service = keyof typeof SERVICES

const WSS = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss'

/** @param fields local names of the service's own elements, in order */
export function soapRequest(
  service: Service,
  action: string,
  fields: Readonly<Record<string, string>>,
  token: Token | undefined,
): string {
  const content = Object.entries(fields).map(([name, text]) => `<q:${name}>${escaped(text)}</q:${name}>`)
  return (
    '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">' +
    `${token ? `<s:Header>${tokenElement(token)}</s:Header>` : ''}<s:Body>` +
    `<q:${action} xmlns:q="${SERVICES[service]}">${content.join('')}</q:${action}></s:Body></s:Envelope>`
  )
}

/** What a WS-UsernameToken is made of; `at_ms` by the camera's clock, which checks it. */
export interface Token {
  username: string
  password: string
  nonce: Buffer
  at_ms: number
}

function tokenElement({ username, password, nonce, at_ms }: Token): string {
  const created = new Date(at_ms).toISOString()
  const digest = createHash('sha1').update(nonce).update(created).update(password).digest('base64')
  return (
    `<w:Security xmlns:w="${WSS}-wssecurity-secext-1.0.xsd" xmlns:u="${WSS}-wssecurity-utility-1.0.xsd" s:mustUnderstand="1">` +
    `<w:UsernameToken><w:Username>${escaped(username)}</w:Username>` +
    `<w:Password Type="${WSS}-username-token-profile-1.0#PasswordDigest">${digest}</w:Password>` +
    `<w:Nonce EncodingType="${WSS}-soap-message-security-1.0#Base64Binary">${nonce.toString('base64')}</w:Nonce>` +
    `<u:Created>${created}</u:Created></w:UsernameToken></w:Security>`
  )
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`)
}

export interface Element {
  /** Without its prefix. */
  name: string
  attributes: Readonly<Record<string, string>>
  text: string
  children: Element[]
}

const DEPTH_MAX = 32
const ELEMENTS_MAX = 5_000

/** What stands in the body. @throws {LinliError} CAMERA_ANSWER, CAMERA_LOGIN */
export function soapBody(bytes: Uint8Array): Element {
  const envelope = parseXml(bytes)
  const body = child(envelope, 'Body')
  const [content] = body?.children ?? []
  if (envelope.name !== 'Envelope' || !content) throw failed('CAMERA_ANSWER', 'no SOAP envelope')
  if (content.name !== 'Fault') return content
  const words = everything(content)
  if (/NotAuthorized|FailedAuthentication|SenderNotAuthorized/i.test(words)) throw failed('CAMERA_LOGIN')
  throw failed('CAMERA_ANSWER', `it says: ${words.replace(/\s+/g, ' ').slice(0, 200)}`)
}

function everything({ text, children }: Element): string {
  return [text, ...children.map(everything)].join(' ').trim()
}

export function child(element: Element | undefined, ...path: string[]): Element | undefined {
  return path.reduce<Element | undefined>((found, name) => found?.children.find((one) => one.name === name), element)
}

function parseXml(bytes: Uint8Array): Element {
  if (!isUtf8(bytes)) throw failed('CAMERA_ANSWER', 'not UTF-8')
  const top: Element = { name: '', attributes: {}, text: '', children: [] }
  const open = [top]
  let count = 0
  const parser = sax.parser(true, { trim: true })
  parser.onopentag = ({ name, attributes }) => {
    count += 1
    if (open.length > DEPTH_MAX || count > ELEMENTS_MAX) throw failed('CAMERA_ANSWER', 'too many elements')
    const element: Element = { name: localName(name), attributes: locals(attributes), text: '', children: [] }
    open.at(-1)?.children.push(element)
    open.push(element)
  }
  parser.onclosetag = () => void open.pop()
  const onText = (text: string) => {
    const element = open.at(-1)
    if (element) element.text += text
  }
  parser.ontext = onText
  parser.oncdata = onText
  parser.onerror = (error) => {
    throw failed('CAMERA_ANSWER', `not well-formed XML: ${reasonOf(error).split('\n')[0]}`)
  }
  const { buffer, byteOffset, byteLength } = bytes
  parser
    .write(
      Buffer.from(buffer, byteOffset, byteLength)
        .toString('utf8')
        .replace(/^\ufeff/, ''),
    )
    .close()
  const [root] = top.children
  if (!root) throw failed('CAMERA_ANSWER', 'no XML')
  return root
}

const localName = (name: string) => name.slice(name.indexOf(':') + 1)
function locals(attributes: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [localName(name), value]))
}
