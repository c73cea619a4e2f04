import { connect } from 'node:net'
import { type Cuttable, cuttableServer } from './cuttable.ts'

/** A wire between a path and the upstream that can be cut and mended, while the upstream and its subscriber stay. */
export function createRelay(targetPort: number): Promise<Cuttable> {
  return cuttableServer((near) => {
    const far = connect({ host: '127.0.0.1', port: targetPort, noDelay: true })
    far.on('error', () => undefined)
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
    near.pipe(far)
    far.pipe(near)
  })
}
