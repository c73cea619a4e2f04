import { LinliError } from '../../../hub/contract/errors.ts'
import type { GpioKernel } from './kernel.ts'
import { decodeChipInfo, emptyChipInfo, GPIO_GET_CHIPINFO } from './uapi.ts'

/**
 * The labels of the chip behind the 40-pin header: Pi 0–3, Pi 4, Pi 5. Its number changed from kernel to kernel (a Pi 5 had
 * gpiochip4, then gpiochip0), and the wrong chip would take the right orders.
 */
const HEADER_LABELS = ['pinctrl-bcm2835', 'pinctrl-bcm2711', 'pinctrl-rp1']

/**
 * Where a chip is now.
 * @param name `header`, a label such as `pinctrl-rp1`, or `gpiochip2`
 * @throws {LinliError} GPIO_NOT_FOUND
 */
export function findChip(kernel: GpioKernel, name: string): string {
  if (/^gpiochip\d+$/.test(name)) return `/dev/${name}`
  const wanted = name === 'header' ? HEADER_LABELS : [name]
  const there = kernel.chips().map((path) => ({ path, label: labelOf(kernel, path) }))
  const found = there.find(({ label }) => label !== undefined && wanted.includes(label))
  if (found) return found.path
  const known = there.map(({ path, label }) => `${path} (${label ?? 'may not be opened: group gpio?'})`).join(', ')
  throw new LinliError(
    'GPIO_NOT_FOUND',
    `there is no GPIO chip ${wanted.join(' or ')}; there are: ${known || 'none'}`,
    {
      kind: 'fault',
    },
  )
}

function labelOf(kernel: GpioKernel, path: string): string | undefined {
  const fd = kernel.open(path)
  if (fd < 0) return undefined
  const info = emptyChipInfo()
  const code = kernel.ioctl(fd, GPIO_GET_CHIPINFO, info)
  kernel.close(fd)
  return code < 0 ? undefined : decodeChipInfo(info).label
}
