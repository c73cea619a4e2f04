import { reasonOf } from './codes.ts'
import type { Result } from './shapes.ts'

/** Questions to the hub. What it refuses becomes an `ApiError` with the hub's code, and why in the reader's language. */

export class ApiError extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(reasonOf({ code, message }))
    this.code = code
  }
}

const WAIT_MS = 30_000

export async function ask<T>(
  method: string,
  path: string,
  body?: unknown,
  more: Record<string, string> = {},
): Promise<T> {
  const isPicture = body instanceof Blob
  const headers = {
    ...(body === undefined ? {} : { 'content-type': isPicture ? body.type : 'application/json' }),
    ...more,
  }
  const payload = isPicture || body === undefined ? (body ?? null) : JSON.stringify(body)
  let answer: Response
  try {
    answer = await fetch(path, { method, headers, body: payload, signal: AbortSignal.timeout(WAIT_MS) })
  } catch (error) {
    throw new ApiError('HUB_AWAY', (error as Error).message)
  }
  const told = (await answer.json().catch(() => ({}))) as { code?: string; message?: string }
  if (answer.ok) return told as T
  throw new ApiError(told.code ?? `HTTP_${answer.status}`, told.message ?? answer.statusText)
}

/** Browsers give `randomUUID` to pages over HTTPS and on loopback alone. */
export function newId(): string {
  return crypto.randomUUID?.() ?? `${Date.now()}-${crypto.getRandomValues(new Uint32Array(2)).join('')}`
}

/** Asks a device to act; resolves with the one final result, also when the connection broke in between. */
export async function command(device: string, name: string, args: object = {}): Promise<Result> {
  const id = newId()
  try {
    return await ask<Result>('POST', '/api/v1/commands', { id, device, name, args })
  } catch (error) {
    if ((error as ApiError).code !== 'HUB_AWAY') throw error
    return ask<Result>('GET', `/api/v1/commands/${id}`)
  }
}
