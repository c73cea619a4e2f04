import { findChip } from '../adapters/gpio/find-chip.ts'
import type { GpioKernel } from '../adapters/gpio/kernel.ts'
import { decodeChipInfo, emptyChipInfo, GPIO_GET_CHIPINFO } from '../adapters/gpio/uapi.ts'

/** The GPIO chips of a box; no line of them is taken. */

export interface FoundChip {
  path: string
  /** Undefined: it may not be opened. */
  label?: string
  lines?: number
  /** Behind the 40 pins of a Pi. */
  isHeader: boolean
}

export function gpioChips(kernel: GpioKernel): FoundChip[] {
  const header = headerOf(kernel)
  return kernel.chips().map((path) => {
    const fd = kernel.open(path)
    if (fd < 0) return { path, isHeader: false }
    const info = emptyChipInfo()
    const code = kernel.ioctl(fd, GPIO_GET_CHIPINFO, info)
    kernel.close(fd)
    return { path, ...(code < 0 ? {} : decodeChipInfo(info)), isHeader: path === header }
  })
}

function headerOf(kernel: GpioKernel): string | undefined {
  try {
    return findChip(kernel, 'header')
  } catch {
    return undefined
  }
}
