import { Duplex } from 'node:stream'

/** One network path in memory: connections over it can be cut (both ends see it) or silently lose their bytes. */
export interface VirtualPath {
  /** The client's end of a new connection; the server's end goes to `accept`. */
  connect(): Duplex
  /** Bytes vanish in both directions and nobody is told, as behind a pulled cable; new connections hang. */
  partition(): void
  heal(): void
  /** Ends every connection, as a process that dies does. */
  cut(): void
}

export function createPath(accept: (connection: Duplex) => void, touch: () => void): VirtualPath {
  let partitioned = false
  const open = new Set<End>()

  class End extends Duplex {
    peer: End | undefined
    /** Lost bytes end a TCP connection sooner or later: a stream with a hole in it must never go on. */
    holed = false
    readonly #underWay: Buffer[] = []

    override _read(): void {}

    override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
      touch()
      if (partitioned || this.holed) this.holed = true
      else if (this.#underWay.push(chunk) === 1) setImmediate(() => this.#deliver())
      done()
    }

    /** What was written in one turn arrives together, as one segment would. */
    #deliver(): void {
      touch()
      const bytes = Buffer.concat(this.#underWay.splice(0))
      if (!this.holed && !this.destroyed && this.peer && !this.peer.destroyed) this.peer.push(bytes)
    }

    override _final(done: () => void): void {
      touch()
      setImmediate(() => {
        if (!partitioned && !this.holed) this.peer?.push(null)
      })
      done()
    }

    override _destroy(error: Error | null, done: (error: Error | null) => void): void {
      touch()
      open.delete(this)
      const peer = this.peer
      if (!partitioned && peer && !peer.destroyed) setImmediate(() => peer.destroy())
      done(error)
    }
  }

  return {
    connect() {
      const [client, server] = [new End(), new End()]
      client.peer = server
      server.peer = client
      for (const end of [client, server]) {
        open.add(end)
        end.on('error', () => undefined)
      }
      if (partitioned) client.holed = true
      else accept(server)
      return client
    },
    partition() {
      partitioned = true
      // Everything under way is lost with it.
      for (const end of open) end.holed = true
    },
    heal() {
      partitioned = false
    },
    cut() {
      for (const end of [...open]) end.destroy()
    },
  }
}
