/** Waits, unless `signal` ends it before. */
export function pause(time_ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const settle = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', settle)
      resolve()
    }
    const timer = setTimeout(settle, time_ms)
    signal.addEventListener('abort', settle)
  })
}
