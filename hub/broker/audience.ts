/**
 * Whether anybody who is connected has a filter for a topic. Most of what is published on the spot nobody here subscribes to,
 * and going through the broker's routing for it costs as much as decoding it.
 */
export type Audience = (topic: string) => boolean

/** What is used of the emitter that Aedes routes with; who matches is asked of its own matcher, which has the last word. */
export interface Router {
  on(filter: string, ...more: never[]): unknown
  _matcher?: { match(topic: string): ArrayLike<unknown> }
}

/** A device says the same few topics all its life. */
const TOPICS_MAX = 4_096

export function createAudience(router: Router): Audience {
  const { _matcher: matcher } = router
  if (!matcher) return () => true
  const known = new Map<string, boolean>()
  const on = router.on.bind(router)
  // Whoever has left may still be known: then nobody is there to hear it.
  router.on = (filter, ...more) => {
    known.clear()
    return on(filter, ...more)
  }
  return (topic) => {
    const before = known.get(topic)
    if (before !== undefined) return before
    const isHeard = matcher.match(topic).length > 0
    if (known.size >= TOPICS_MAX) known.clear()
    known.set(topic, isHeard)
    return isHeard
  }
}
