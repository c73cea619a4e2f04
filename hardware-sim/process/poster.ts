/** Posts in flight at most; what a deaf receiver does not take is dropped, as a camera does. */
const IN_FLIGHT_MAX = 32
const TIMEOUT_MS = 2000

/** Posts JSON, and tells what failed. */
export function createPoster(failed: (message: string) => void): (url: string, body: object, token?: string) => void {
  let inFlight = 0
  return (url, body, token) => {
    if (inFlight >= IN_FLIGHT_MAX) {
      failed(`post to ${url}: ${IN_FLIGHT_MAX} are waiting already`)
      return
    }
    inFlight += 1
    fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
      .then(async (response) => {
        await response.arrayBuffer()
        if (!response.ok) failed(`post to ${url}: status ${response.status}`)
      })
      .catch((cause: unknown) => failed(`post to ${url}: ${(cause as Error).message}`))
      .finally(() => {
        inFlight -= 1
      })
  }
}
