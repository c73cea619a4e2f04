import { describe, expect, it } from 'vitest'
import { createOnvifClient } from './client.ts'
import { authorization, readChallenge } from './digest.ts'
import type { Ask } from './http.ts'

/** What a camera may say, word by word; the whole conversation is in ../cameras.test.ts. */

const JPEG = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 1, 2, 3, 0xff, 0xd9])
const soap = (body: string) =>
  Buffer.from(`<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body>${body}</e:Body></e:Envelope>`)
const TIME =
  '<GetSystemDateAndTimeResponse><SystemDateAndTime><UTCDateTime><Time><Hour>1</Hour><Minute>2</Minute><Second>3</Second></Time>' +
  '<Date><Year>2026</Year><Month>4</Month><Day>5</Day></Date></UTCDateTime></SystemDateAndTime></GetSystemDateAndTimeResponse>'

/** A camera that says `uri` where its snapshots are, and gives `picture` there. */
function client(uri: string, picture: Buffer) {
  const asked: string[] = []
  const answers: Array<[string, string]> = [
    ['GetSystemDateAndTime', TIME],
    [
      'GetCapabilities',
      '<GetCapabilitiesResponse><Capabilities><Media><XAddr>http://x/m</XAddr></Media></Capabilities></GetCapabilitiesResponse>',
    ],
    ['GetProfiles', '<GetProfilesResponse><Profiles token="p"/></GetProfilesResponse>'],
    ['GetSnapshotUri', `<GetSnapshotUriResponse><MediaUri><Uri>${uri}</Uri></MediaUri></GetSnapshotUriResponse>`],
  ]
  const transport = async ({ url, body }: Ask) => {
    asked.push(url.href)
    const said = answers.find(([action]) => body?.includes(`:${action} `))?.[1]
    return { status: 200, body: said ? soap(said) : picture }
  }
  const made = createOnvifClient(
    { transport, now_ms: () => Date.UTC(2026, 3, 5, 1, 2, 3), nonce: () => Buffer.alloc(16) },
    { url: 'http://camera:8080/onvif/device_service', profile: undefined, login: () => undefined },
  )
  return { made, asked, signal: new AbortController().signal }
}

describe('an address that a camera names', () => {
  it.each([
    ['http://10.0.0.1/snap?a=1&amp;b=2', 'http://camera:8080/snap?a=1&b=2'],
    ['http://evil.example//other.example/x', 'http://camera:8080//other.example/x'],
    ['https://user:word@evil.example:1/x#y', 'http://camera:8080/x'],
    ['file:///etc/passwd', 'http://camera:8080/etc/passwd'],
  ])('%s is one of the camera itself', async (uri, asked) => {
    const one = client(uri, JPEG)
    await one.made.snapshot(one.signal)
    expect(one.asked.at(-1)).toBe(asked)
  })

  it.each(['', 'snap.jpg', 'http://'])('"%s" is none', async (uri) => {
    const one = client(uri, JPEG)
    await expect(one.made.snapshot(one.signal)).rejects.toMatchObject({ code: 'CAMERA_ANSWER' })
  })
})

describe('a picture', () => {
  it.each([
    ['whole', JPEG],
    ['with zeros behind', Buffer.concat([JPEG, Buffer.alloc(100)])],
    ['with notes behind', Buffer.concat([JPEG, Buffer.from('SN=123')])],
  ])('that is %s is taken', async (_what, bytes) => {
    const one = client('http://c/s', bytes)
    expect(await one.made.snapshot(one.signal)).toEqual(bytes)
  })

  it.each([
    ['cut off', JPEG.subarray(0, -1)],
    ['empty', Buffer.alloc(0)],
    ['a page', Buffer.from('<html>log in</html>')],
    ['only an end', Buffer.from([0xff, 0xd9])],
  ])('that is %s is none', async (_what, bytes) => {
    const one = client('http://c/s', bytes)
    await expect(one.made.snapshot(one.signal)).rejects.toMatchObject({ code: 'CAMERA_PICTURE' })
  })
})

describe('HTTP digest', () => {
  // RFC 7616 §3.9.1
  const realm = 'http-auth@example.org'
  const nonce = '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v'
  const said = {
    username: 'Mufasa',
    password: 'Circle of Life',
    method: 'GET',
    uri: '/dir/index.html',
    cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
  }
  it.each([
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ])('answers the challenge of its standard: %s', (algorithm, response) => {
    const header = `Digest realm="${realm}", qop="auth, auth-int", algorithm=${algorithm}, nonce="${nonce}", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
    const challenge = readChallenge(header)
    expect(challenge && authorization(challenge, said)).toContain(`response="${response}"`)
  })

  it('takes the better of two, and never a password in the clear', () => {
    const both = `Basic realm="a", Digest realm="${realm}", nonce="1", algorithm=MD5, Digest realm="${realm}", nonce="2", algorithm=SHA-256`
    expect(readChallenge(both)).toMatchObject({ nonce: '2', algorithm: 'SHA-256' })
    expect(() => readChallenge('Basic realm="a"')).toThrow('HTTP digest')
    expect(readChallenge('')).toBeUndefined()
  })
})
