/** Few distinct texts under small numbers: thousands of credentials share a dozen lists of gates. */
export interface Interned {
  /** The number of a text, new if need be; undefined when there is no room for another. */
  numberOf(text: string): number | undefined
  hasRoomFor(texts: readonly string[]): boolean
  textOf(number: number): string
}

export function createInterned(size_max: number): Interned {
  const texts: string[] = []
  const numbers = new Map<string, number>()
  return {
    numberOf(text) {
      const known = numbers.get(text)
      if (known !== undefined) return known
      if (texts.length >= size_max) return undefined
      numbers.set(text, texts.length)
      return texts.push(text) - 1
    },
    hasRoomFor: (wanted) => texts.length + new Set(wanted.filter((text) => !numbers.has(text))).size <= size_max,
    textOf: (number) => texts[number] ?? '',
  }
}
