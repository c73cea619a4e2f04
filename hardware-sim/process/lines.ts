/** A line of commands never needs more; a longer one is reported and skipped. */
const LINE_BYTES_MAX = 4 * 1024 * 1024

/** Cuts text into lines. `undefined` stands for a line that was too long. */
export function createLineSplitter(handle: (line: string | undefined) => void): (chunk: string) => void {
  let rest = ''
  let skipping = false
  return (chunk) => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) {
      if (!skipping) handle(part)
      skipping = false
    }
    if (rest.length <= LINE_BYTES_MAX) return
    rest = ''
    if (!skipping) handle(undefined)
    skipping = true
  }
}
