import type { DeviceClass } from './topic.ts'

/** What an installer calls a device, and the class under which the wire knows it. */
export const DEVICE_KINDS = {
  'alarm-button': 'alarm-button',
  door: 'access-gate',
  barrier: 'access-gate',
  'park-sensor': 'park-sensor',
} as const satisfies Record<string, DeviceClass>

export type DeviceKindName = keyof typeof DEVICE_KINDS
