import { closeSync, openSync, readSync } from 'node:fs'
import { payloadContent } from './content.ts'

/** What the district has acknowledged so far, read on as its file grows; a line torn by kill -9 was never acknowledged. */
export interface RecordedEvent {
  id: string
  gateway: string
  type: string
  content: string
  /** performance.now() when it was read here. */
  at_ms: number
}

export interface DistrictRecord {
  readonly events: readonly RecordedEvent[]
  readonly ids: ReadonlySet<string>
  /** Reads what has come since. */
  update(): void
  close(): void
}

const CHUNK_BYTES = 1024 * 1024

export function openRecord(path: string): DistrictRecord {
  const file = openSync(path, 'a+')
  const events: RecordedEvent[] = []
  const ids = new Set<string>()
  const chunk = Buffer.alloc(CHUNK_BYTES)
  let at = 0
  let rest = ''

  function take(line: string): void {
    if (!line.includes('/evt/') && !line.includes('/tele"')) return
    const recorded = parsed(line)
    if (!recorded) return
    const [, , , , , gateway = '', , , channel = '', type = channel] = recorded.topic.split('/')
    const event = JSON.parse(recorded.payload) as { id: string }
    events.push({ id: event.id, gateway, type, content: payloadContent(event), at_ms: performance.now() })
    ids.add(event.id)
  }

  return {
    events,
    ids,
    update() {
      for (let read = CHUNK_BYTES; read === CHUNK_BYTES; ) {
        read = readSync(file, chunk, 0, CHUNK_BYTES, at)
        at += read
        const lines = (rest + chunk.toString('latin1', 0, read)).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) take(Buffer.from(line, 'latin1').toString('utf8'))
      }
    },
    close: () => closeSync(file),
  }
}

/** The stand-in goes on behind a line that its own death cut short. */
function parsed(line: string): { topic: string; payload: string } | undefined {
  const start = line.lastIndexOf('{"client":')
  if (start < 0) return undefined
  return JSON.parse(line.slice(start)) as { topic: string; payload: string }
}
