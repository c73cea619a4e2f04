const utf8 = new TextEncoder()

/** A value of the contract → the payload that carries it. */
export function encodeJson(value: unknown): Uint8Array {
  return utf8.encode(JSON.stringify(value))
}
