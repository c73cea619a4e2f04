import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { LinliError } from '../../contract/errors.ts'
import type { ChangeStream, Numbered } from '../../incidents/stream.ts'

/** Server-Sent Events (WHATWG HTML §9.2): each change of an incident, to everybody who listens. */

const LISTENERS_MAX = 100
/** Whoever does not read is let go, and comes back with the last id it has. */
const UNREAD_BYTES_MAX = 1024 * 1024
/** Proxies end what is silent. */
const BEAT_MS = 15_000

export interface Live {
  serve(request: FastifyRequest, reply: FastifyReply): void
}

export function createLive(
  app: FastifyInstance,
  { stream, render }: { stream: ChangeStream; render: (numbered: Numbered) => unknown },
): Live {
  const ends = new Set<() => void>()
  // A server that closes waits for its connections.
  app.addHook('preClose', async () => {
    for (const end of ends) end()
  })

  return {
    serve(request, reply) {
      if (ends.size >= LISTENERS_MAX)
        throw new LinliError('STREAM_FULL', `${LISTENERS_MAX} listen already: close one`, { kind: 'fault' })
      const { raw } = reply
      const write = (text: string) => {
        if (raw.writableLength > UNREAD_BYTES_MAX) raw.destroy()
        else raw.write(text)
      }
      const send = (numbered: Numbered) =>
        write(`id: ${numbered.id}\nevent: change\ndata: ${JSON.stringify(render(numbered))}\n\n`)
      const stop = stream.onChange(send)
      reply.hijack()
      raw.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      })
      // The head goes out with the first bytes: whoever listens is to know at once that it may.
      write(': \n\n')
      const missed = sinceLast(stream, request.headers['last-event-id'])
      if (missed) for (const one of missed) send(one)
      else write(`id: ${stream.last()}\nevent: reset\ndata: {}\n\n`)
      const beat = setInterval(() => write(': \n\n'), BEAT_MS)
      const end = () => {
        stop()
        clearInterval(beat)
        ends.delete(end)
        raw.end()
      }
      ends.add(end)
      raw.on('close', end)
    },
  }
}

/** Whoever begins has nothing that could be out of date but the list that it is going to read. */
function sinceLast(stream: ChangeStream, id: string | string[] | undefined): Numbered[] | undefined {
  return typeof id === 'string' ? stream.since(id) : []
}
