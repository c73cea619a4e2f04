/** A bar on the terminal; nothing where nobody looks. */
export function progressBar(
  to: NodeJS.WriteStream,
  now_ms: () => number,
): { at(done: number, all: number, note?: string): void; end(): void } {
  const WIDTH = 30
  const EVERY_MS = 100
  let shown_ms = Number.NEGATIVE_INFINITY
  const isShown = to.isTTY === true
  return {
    at(done, all, note = `${(done / 1e6).toFixed(1)} MB`) {
      if (!isShown || now_ms() - shown_ms < EVERY_MS) return
      shown_ms = now_ms()
      const share = all === 0 ? 1 : Math.min(1, done / all)
      const full = Math.round(share * WIDTH)
      to.write(`\r[${'#'.repeat(full)}${' '.repeat(WIDTH - full)}] ${Math.round(share * 100)} % ${note}`)
    },
    end() {
      if (isShown) to.write('\r\u001b[K')
    },
  }
}
