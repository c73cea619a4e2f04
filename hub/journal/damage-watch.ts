import type { Log, Recovery } from './types.ts'

/** Damage that an open log meets later: what its users hold in memory is then newer than what could be recovered. */
export function onDamage(
  log: Pick<Log, 'recovery' | 'onCommit'>,
  lane: string,
  listener: (recovery: Recovery) => void,
): () => void {
  let known = log.recovery()
  return log.onCommit(() => {
    const found = log.recovery()
    if (found === known) return
    known = found
    if (found?.lanes[lane]?.isDoubtful) listener(found)
  })
}
