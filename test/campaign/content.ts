/** An event as text, without what a later delivery may add to it. */
export function payloadContent(event: object): string {
  const { replayed: _replayed, ...content } = event as Record<string, unknown>
  return JSON.stringify(content)
}
