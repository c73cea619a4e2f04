/** The part of two libraries without types of their own that this folder uses. */

declare module 'busboy' {
  import type { IncomingHttpHeaders } from 'node:http'
  import type { Readable, Writable } from 'node:stream'

  interface Parser extends Writable {
    on(
      event: 'file',
      listener: (name: string, stream: Readable, info: { filename: string | undefined; mimeType: string }) => void,
    ): this
    on(event: 'field', listener: (name: string, value: string, info: { mimeType: string }) => void): this
    on(event: 'error', listener: (error: unknown) => void): this
    on(event: 'close', listener: () => void): this
  }
  export default function busboy(config: {
    headers: IncomingHttpHeaders
    limits: { fileSize: number; fieldSize: number; parts: number }
  }): Parser
}

declare module 'sax' {
  interface Parser {
    /** `local` and `uri` with `xmlns`. */
    onopentag: (tag: { name: string; local?: string; uri?: string; attributes: Record<string, string> }) => void
    onclosetag: () => void
    ontext: (text: string) => void
    oncdata: (text: string) => void
    onerror: (error: Error) => void
    ondoctype: () => void
    write(text: string): Parser
    close(): Parser
  }
  const sax: { parser(strict: boolean, options: { trim: boolean; xmlns?: boolean }): Parser }
  export default sax
}
