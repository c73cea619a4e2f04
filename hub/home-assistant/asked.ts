import type { DeviceClass } from '../contract/topic.ts'

/** What a payload of Home Assistant asks of an entity: a command of the contract. */
export interface Action {
  name: string
  /** It opens a way that is shut, and so needs to be allowed. */
  opens: boolean
}

/**
 * A lock of Home Assistant that is unlocked stays so until it is locked, and cards go on working: that is `hold-open` and
 * `close`, not `unlock` and `lock`, which set a mode for everybody.
 */
const ACTIONS: Partial<Record<DeviceClass, Record<string, Record<string, Action>>>> = {
  'access-gate': {
    lock: {
      LOCK: { name: 'close', opens: false },
      UNLOCK: { name: 'hold-open', opens: true },
      OPEN: { name: 'open', opens: true },
    },
    boom: {
      OPEN: { name: 'open', opens: true },
      CLOSE: { name: 'close', opens: false },
    },
  },
}

export function actionOf(deviceClass: DeviceClass, entity: string, payload: string): Action | undefined {
  const byPayload = ACTIONS[deviceClass]?.[entity]
  return byPayload && Object.hasOwn(byPayload, payload) ? byPayload[payload] : undefined
}
