import { openKernelClock } from '../../../kernel-clock.ts'
import { type Finding, ok, type Probe, wrong } from '../finding.ts'

/** Whether the clock is right: certificates, the expiry of commands and every time in a record hang on it. */

/** No release of ours is older: a clock before that stands where a box without a battery starts. */
const EARLIEST_MS = Date.UTC(2024, 0, 1)

export const clock: Probe = async () => [judge(Date.now(), (await openKernelClock(() => undefined))())]

/** @param synchronised undefined when the kernel cannot be asked */
export function judge(now_ms: number, synchronised: boolean | undefined): Finding {
  const time = new Date(now_ms).toISOString()
  const advice = {
    zh: '接通互联网或局域网时间服务器,然后:sudo timedatectl set-ntp true',
    en: 'give it internet or a time server of the local network, then: sudo timedatectl set-ntp true',
  }
  if (now_ms < EARLIEST_MS)
    return wrong('error', 'CLOCK_WRONG', { zh: `时钟未设置:${time}`, en: `the clock was never set: ${time}` }, advice)
  if (synchronised) return ok('CLOCK_SYNCED', `时钟已同步:${time}`, `the clock follows a time source: ${time}`)
  const says =
    synchronised === undefined
      ? { zh: `无法得知时钟是否同步:${time}`, en: `whether the clock follows a time source cannot be told: ${time}` }
      : { zh: `时钟未与时间源同步:${time}`, en: `the clock follows no time source: ${time}` }
  return wrong('warning', 'CLOCK_UNSYNCED', says, advice)
}
