import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { Live, Told } from '../live/live.ts'
import type { PeopleDesk } from '../people/desk.ts'
import { type Guard, requires } from './guard.ts'

/**
 * The live stream of the estate (`text/event-stream`): first `picture`, or only what was missed when the page says where it
 * was (`Last-Event-ID`, or `?after=`), then every change. A `beat` every few seconds tells the page that the line lives.
 */

export const BEAT_MS = 3_000
/** Bytes that may wait for one page; one that does not read is sent away, and comes back for a new picture. */
const WAITING_BYTES_MAX = 1024 * 1024
const PAGES_MAX = 100

export interface LiveDoor {
  guard: Pick<Guard, 'tokenOf'>
  whenEnded: PeopleDesk['whenEnded']
}

export function addLiveRoutes(app: FastifyInstance, live: Live, { guard, whenEnded }: LiveDoor): void {
  const open = new Set<ServerResponse>()

  app.get('/api/v1/live', { config: requires('viewer') }, (request, reply) => {
    if (open.size >= PAGES_MAX)
      return reply
        .code(503)
        .send({ code: 'LIVE_BUSY', message: `${PAGES_MAX} pages are open already: close some, then try again` })
    const { after } = request.query as { after?: unknown }
    const begin = beginOf(live, request.headers['last-event-id'] ?? after)
    reply.hijack()
    const { raw } = reply
    raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    open.add(raw)
    write(raw, begin + beat())
    const leave = live.onTold((told) => write(raw, frameOf(told)))
    const timer = setInterval(() => write(raw, beat()), BEAT_MS)
    // Whoever logs out, or is removed, sees nothing more.
    const forget = whenEnded(guard.tokenOf(request.headers) ?? '', () => raw.destroy())
    raw.on('close', () => {
      leave()
      forget()
      clearInterval(timer)
      open.delete(raw)
    })
  })

  // Open streams would hold the server's close up for ever.
  app.addHook('preClose', async () => {
    for (const raw of open) raw.end()
  })
}

/** What was missed, or the whole picture. */
function beginOf(live: Live, after: unknown): string {
  const missed = typeof after === 'string' ? live.since(after) : undefined
  if (missed) return missed.map(frame).join('')
  const picture = live.picture()
  return frame({ id: picture.id, name: 'picture', data: picture })
}

function write(raw: ServerResponse, text: string): void {
  if (raw.writableLength > WAITING_BYTES_MAX) raw.destroy()
  else if (!raw.destroyed) raw.write(text)
}

/** The same change goes to many pages: its text is made once. */
let last: { told: Told; text: string } | undefined
function frameOf(told: Told): string {
  if (last?.told !== told) last = { told, text: frame(told) }
  return last.text
}

function frame({ id, name, data }: Told): string {
  return `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`
}

function beat(): string {
  return `event: beat\ndata: ${JSON.stringify({ now: new Date().toISOString() })}\n\n`
}
