import type { Libc } from './libc.ts'

/** The service manager that started this process: sd_notify(3). */
export interface ServiceManager {
  /** It kills a process from which it has heard nothing for so long; undefined: it does not watch. */
  readonly watchdog_ms: number | undefined
  ready(): void
  stopping(): void
  alive(): void
  /** For people: what `systemctl status` shows. */
  say(text: string): void
}

/** @returns undefined where nobody waits for word */
export function serviceManagerOf(env: NodeJS.ProcessEnv, pid: number, libc: Libc): ServiceManager | undefined {
  const { NOTIFY_SOCKET: address, WATCHDOG_USEC: usec, WATCHDOG_PID: watched } = env
  if (address === undefined || !/^[/@]./.test(address)) return undefined
  const tell = (text: string) => void libc.tell(address, text)
  const isWatched = usec !== undefined && Number(usec) > 0 && (watched === undefined || Number(watched) === pid)
  return {
    watchdog_ms: isWatched ? Number(usec) / 1000 : undefined,
    ready: () => tell('READY=1'),
    stopping: () => tell('STOPPING=1'),
    alive: () => tell('WATCHDOG=1'),
    say: (text) => tell(`STATUS=${text.replaceAll('\n', ' ')}`),
  }
}
