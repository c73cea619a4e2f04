/** Says each cause at its first, tenth, hundredth … time: a broken client must not fill the log with itself. */
export function createRarely(causes_max = 1_000): (cause: string) => number | undefined {
  const counts = new Map<string, number>()
  return (cause) => {
    const count = (counts.get(cause) ?? 0) + 1
    // Newest last; the one that was quiet for longest is forgotten, and told as a first again.
    counts.delete(cause)
    counts.set(cause, count)
    for (const oldest of counts.keys()) {
      if (counts.size <= causes_max) break
      counts.delete(oldest)
    }
    return /^10*$/.test(String(count)) ? count : undefined
  }
}
