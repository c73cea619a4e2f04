import type { HubConfig } from '../config.ts'

/** How a hub that runs is, for whoever asks at its counter. */

export interface ReportRequest {
  type: 'report'
}

/** Where a hub listens. */
export interface Door {
  name: 'mqtt' | 'http' | 'mqtts' | 'https'
  /** As it was bound; 0.0.0.0 and :: stand for every address. */
  host: string
  port: number
}

export interface HubReport {
  type: 'report'
  pid: number
  /** Empty while the hub starts. */
  doors: readonly Door[]
  /** As `/healthz` says it. */
  problems: readonly string[]
  details: Readonly<Record<string, unknown>>
}

export function reportRequest(value: unknown): ReportRequest | undefined {
  const { type } = (value ?? {}) as Partial<ReportRequest>
  return type === 'report' ? { type } : undefined
}

/** Those that are open, of the ports that were bound. */
export function doorsOf({ host, tls }: HubConfig, ports: Record<string, number | undefined>): Door[] {
  const secureHost = tls?.host ?? host
  const all = [
    { name: 'mqtt', host, port: ports.mqttPort },
    { name: 'http', host, port: ports.httpPort },
    { name: 'mqtts', host: secureHost, port: ports.mqttsPort },
    { name: 'https', host: secureHost, port: ports.httpsPort },
  ] as const
  return all.flatMap(({ port, ...door }) => (port === undefined ? [] : [{ ...door, port }]))
}
