/** How the hub reaches the web pages of the flows process that runs now: the other side is `flows/front.ts`. */
export interface FlowsDoor {
  /** For `net.connect` and `http.request`; under 108 bytes however long the data folder's own path is (unix(7)). */
  socketPath: string
  /** The header that says who asks, which nobody else can make. */
  header(person: { name: string; role: string }): Record<string, string>
}

const PERSON_HEADER = 'x-linli-person'
const SOCKET_FILE = 'flows.sock'

/** @param secret of the child that listens there */
export function doorOf(folder: number, secret: string): FlowsDoor {
  return {
    socketPath: `/proc/self/fd/${folder}/${SOCKET_FILE}`,
    header: ({ name, role }) => ({
      [PERSON_HEADER]: `${secret}.${Buffer.from(JSON.stringify({ name, role }), 'utf8').toString('base64url')}`,
    }),
  }
}
