import { text } from '../language.ts'

/** Keys of the demo; only where there is a terminal. */
export interface KeyActions {
  /** One step for the simulator. */
  sim(step: object): void
  reset(device: string, gateway: string): void
  /** Stops or starts the embedded upstream; resolves with whether it runs now. Absent with an upstream of your own. */
  upstream: (() => Promise<boolean>) | undefined
  say(line: string): void
  quit(): void
}

export function readKeys(actions: KeyActions): { close(): void } | undefined {
  const { stdin } = process
  if (!stdin.isTTY) return undefined
  const toggled = { cut: false, unplugged: false }
  actions.say(`  ${text('keys')}\n`)
  stdin.setRawMode(true)
  stdin.resume()
  const onData = (bytes: Buffer) => {
    for (const key of bytes.toString('utf8')) onKey(key)
  }
  stdin.on('data', onData)

  function onKey(key: string): void {
    if (key >= '1' && key <= '4') actions.sim({ do: 'press', device: `b${key}`, for_ms: 200 })
    else if (key === 'c') {
      toggled.cut = !toggled.cut
      actions.sim({ do: toggled.cut ? 'cut' : 'heal', device: 'b1' })
    } else if (key === 'u') {
      toggled.unplugged = !toggled.unplugged
      actions.sim({ do: toggled.unplugged ? 'unplug' : 'replug', board: 'board-a' })
    } else if (key === 's') {
      actions
        .upstream?.()
        .then((running) => actions.say(`  upstream: ${running ? 'started' : 'stopped'}`))
        .catch((error: Error) => actions.say(`  upstream: ${error.message}`))
    } else if (key === 'r') actions.reset('b1', 'gw-1')
    else if (key === '?') actions.say(`  ${text('keys')}`)
    // Raw mode hands Ctrl-C over as a byte.
    else if (key === 'q' || key === '\u0003') actions.quit()
  }

  return {
    close() {
      stdin.off('data', onData)
      stdin.setRawMode(false)
      stdin.pause()
    },
  }
}
