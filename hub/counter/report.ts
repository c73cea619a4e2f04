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
