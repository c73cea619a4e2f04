/** What the simulator tells the outside. `at_ms` is wall-clock epoch time in milliseconds with fractions. */
export type BoardState = 'unplugged' | 'plugged' | 'hung' | 'booting' | 'running'

export type SimEvent =
  | { type: 'ready'; boards: { id: string; port: string }[] }
  /** The first physical movement of a contact, before any bounce: the ground truth of a press or a release. */
  | { type: 'edge'; device: string; contact: 'closed' | 'open'; at_ms: number }
  | { type: 'output'; device: string; output: 'lamp' | 'siren'; on: boolean; at_ms: number }
  | { type: 'board'; board: string; state: BoardState; at_ms: number }
  | { type: 'scenario'; name: string; state: 'started' | 'ended'; at_ms: number }
  | { type: 'error'; message: string }

export type Emit = (event: SimEvent) => void
