import { createGpioChip, type GpioChipDeps } from '../adapters/gpio/chip.ts'
import type { LineChip } from '../ports/line-chip.ts'
import { type OnBoardStatus, tellStatus } from './boards.ts'
import type { DeviceConfig } from './kinds.ts'

/** The GPIO chips of the box: those that devices name. They need no entry of their own, and look like boards outside. */
export function createChips(
  deps: GpioChipDeps & { onStatus: OnBoardStatus },
  devices: readonly DeviceConfig[],
): Map<string, LineChip> {
  const ids = new Set(devices.flatMap(({ chip }) => (chip === undefined ? [] : [chip])))
  const chips = new Map([...ids].map((id) => [id, createGpioChip(deps, { id })]))
  for (const chip of chips.values()) tellStatus(chip, deps.onStatus)
  return chips
}
