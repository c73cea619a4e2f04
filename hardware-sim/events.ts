/** What the simulator tells the outside. `at_ms` is wall-clock epoch time in milliseconds with fractions. */
export type BoardState = 'unplugged' | 'plugged' | 'hung' | 'booting' | 'running'

export type OutputName = 'lamp' | 'lamp-exit' | 'siren' | 'strike' | 'raise' | 'lower' | 'stop' | 'beam-test'
export type Side = 'approach' | 'exit'

/** Doors and the people at them. */
export type DoorEvent =
  /** `refused`: somebody tried a locked leaf. */
  | {
      type: 'door'
      device: string
      leaf: 'open' | 'closed' | 'refused'
      by: 'hand' | 'force' | 'closer'
      at_ms: number
    }
  | { type: 'lock'; device: string; locked: boolean; at_ms: number }
  | { type: 'person'; device: string; state: 'passed' | 'gave-up'; direction: 'in' | 'out'; at_ms: number }

/** Barriers and the vehicles at them: what really happened, whatever the sensors say. */
export type BarrierEvent =
  | {
      type: 'boom'
      device: string
      state: 'up' | 'down' | 'rising' | 'falling' | 'stopped'
      angle_deg: number
      at_ms: number
    }
  /** What the relay of a detector says: that something is there. */
  | {
      type: 'sensor'
      device: string
      sensor: 'approach' | 'safety' | 'exit' | 'beam'
      occupied: boolean
      at_ms: number
    }
  /**
   * `contact`: the falling boom met a body. `started-over-body`: it began to fall with a body under it. `kept-closing`:
   * it went on falling for more than half a second over a body.
   */
  | {
      type: 'violation'
      device: string
      rule: 'contact' | 'started-over-body' | 'kept-closing'
      body: string
      angle_deg: number
      at_ms: number
    }
  /** A body ran into a boom that was not falling. */
  | { type: 'collision'; device: string; body: string; angle_deg: number; at_ms: number }
  | {
      type: 'vehicle'
      device: string
      vehicle: string
      plate: string
      side: Side
      /** `queued`: it has come to crawl before the boom. `entered`: its front is under the boom. `passed`: its rear has left it. */
      state: 'arrived' | 'queued' | 'entered' | 'passed' | 'turned-back' | 'turned-away'
      /** Since it was queued; 0 if it never was. */
      waited_ms: number
      at_ms: number
    }
  | { type: 'queue'; device: string; side: Side; length: number; at_ms: number }

/** Card readers. */
export type ReaderEvent =
  /** `offline`: nobody has asked it for 8 s. `plain` and `secure`: how it is spoken to. */
  | { type: 'reader'; device: string; state: 'off' | 'offline' | 'plain' | 'secure'; at_ms: number }
  | { type: 'led'; device: string; color: string; flashing: boolean; at_ms: number }
  | { type: 'buzzer'; device: string; beeps: number; at_ms: number }
  /** What became of a card or of digits: `lost` if the reader was offline, full or switched off. */
  | { type: 'credential'; device: string; kind: 'card' | 'digits'; state: 'read' | 'sent' | 'lost'; at_ms: number }
  | { type: 'key'; device: string; state: 'set'; at_ms: number }

/** Parks and their sensors. `time_ms` is what the world's calendar shows. */
export type ParkEvent =
  /** The label of a fault; without `quantity` it is that of the whole sensor. */
  | {
      type: 'fault'
      device: string
      quantity?: string
      how: string
      state: 'started' | 'ended'
      time_ms: number
      at_ms: number
    }
  /** What is, and what the sensor says: a value, or registers of nonsense. */
  | {
      type: 'measured'
      device: string
      quantity: string
      truth: number
      told?: number
      raw?: number
      fault?: string
      time_ms: number
      at_ms: number
    }
  | { type: 'park-output'; park: string; output: 'lamp' | 'valve' | 'fountain'; on: boolean; at_ms: number }

export type SimEvent =
  | {
      type: 'ready'
      boards: { id: string; port: string }[]
      buses?: { id: string; port: string }[]
      /** Network cameras, on 127.0.0.1. */
      onvif?: { id: string; port: number }[]
      discovery?: number
    }
  /** The first physical movement of a contact, before any bounce: the ground truth of a press or a release. */
  | { type: 'edge'; device: string; contact: 'closed' | 'open'; at_ms: number }
  | { type: 'output'; device: string; output: OutputName; on: boolean; at_ms: number }
  | { type: 'board'; board: string; state: BoardState; at_ms: number }
  /** A relay of a module on a bus. */
  | { type: 'relay'; device: string; channel: number; on: boolean; at_ms: number }
  | { type: 'bus'; bus: string; state: 'unplugged' | 'plugged'; at_ms: number }
  /** What a camera believes to have read. */
  | { type: 'plate'; camera: string; plate: string; confidence: number; at_ms: number }
  /** Somebody came to a network camera: a `connection`, what was asked of it, a `snapshot` that it gave, or `refused`. */
  | { type: 'camera'; camera: string; what: string; at_ms: number }
  | { type: 'scenario'; name: string; state: 'started' | 'ended'; at_ms: number }
  | { type: 'error'; message: string }
  | DoorEvent
  | BarrierEvent
  | ReaderEvent
  | ParkEvent

export type Emit = (event: SimEvent) => void
