import { connect, createServer, type Socket } from 'node:net'

/** A TCP connection's way that can be broken as networks break: a port that leads to another one. */
export interface Wire {
  readonly port: number
  /** What the wire does from now on; connections made before it are treated the same. */
  set(state: WireState): void
  close(): Promise<void>
}

/**
 * `open`: passes on. `cut`: every connection is reset, new ones too, as a router that says so. `dead`: bytes vanish in
 * both directions and nobody is told, as a pulled cable; what was connected meanwhile stays dead when the wire is open
 * again, as behind a NAT that forgot it. `slow`: passes on `bytes_per_s` in each direction of each connection.
 */
export type WireState = { kind: 'open' } | { kind: 'cut' } | { kind: 'dead' } | { kind: 'slow'; bytes_per_s: number }

interface Strand {
  near: Socket
  far: Socket
  dead: boolean
}

/** @param targetPort asked at each connection: what listens there may have been started again elsewhere */
export async function createWire(targetPort: () => number): Promise<Wire> {
  const strands = new Set<Strand>()
  let state: WireState = { kind: 'open' }

  const server = createServer({ noDelay: true }, (near) => {
    near.on('error', () => undefined)
    if (state.kind === 'cut') {
      near.resetAndDestroy()
      return
    }
    const strand: Strand = {
      near,
      far: connect({ host: '127.0.0.1', port: targetPort(), noDelay: true }),
      dead: state.kind === 'dead',
    }
    strands.add(strand)
    join(strand, strand.near, strand.far)
    join(strand, strand.far, strand.near)
  })

  function join(strand: Strand, from: Socket, to: Socket): void {
    from.on('error', () => undefined)
    from.on('data', (bytes) => {
      if (strand.dead) return
      const flows = to.write(bytes)
      const wait_ms = state.kind === 'slow' ? (bytes.length / state.bytes_per_s) * 1000 : 0
      if (flows && wait_ms < 1) return
      from.pause()
      const resume = () => from.resume()
      if (wait_ms >= 1) setTimeout(resume, wait_ms)
      else to.once('drain', resume)
    })
    from.on('close', () => {
      // A dead wire tells neither side of the other's end.
      if (!strand.dead) to.destroy()
      if (strand.near.destroyed && strand.far.destroyed) strands.delete(strand)
    })
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    set(next) {
      state = next
      for (const strand of strands) {
        if (next.kind === 'dead') strand.dead = true
        if (next.kind !== 'cut') continue
        strand.near.resetAndDestroy()
        strand.far.resetAndDestroy()
      }
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        for (const { near, far } of strands) {
          near.destroy()
          far.destroy()
        }
      }),
  }
}
