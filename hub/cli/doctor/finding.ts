import { reasonOf } from '../../contract/errors.ts'
import type { HubReport } from '../../counter/report.ts'
import type { Language } from '../language.ts'

/** What a probe found, and how probes are run: side by side, each with a time of its own, so that nothing dead holds up the rest. */

export type Said = Readonly<Record<Language, string>>
export const LEVELS = ['ok', 'warning', 'error'] as const
export type Level = (typeof LEVELS)[number]

export interface Finding {
  /** Stable, for programs. */
  code: string
  level: Level
  says: Said
  /** What to do; always there unless all is well. */
  advice?: Said
}

/** What is looked at. */
export interface Patient {
  /** Data folder, of a hub or of a gateway. */
  dataDir: string
  role: 'hub' | 'gateway'
  /** What the hub says of itself; undefined when none runs, 'silent' when one is there and does not answer. */
  report: HubReport | 'silent' | undefined
  /** Serial lines that the configuration names. */
  serialPorts: readonly string[]
  /** Beside those of the data folder. */
  secretFiles: readonly string[]
  /** `/`, or a folder of a test with sys, proc, dev and etc below it. */
  root: string
}

export type Probe = (patient: Patient, signal: AbortSignal) => Promise<Finding[]>

export type Examined = Finding & { probe: string }

/** Half of what the whole may take; a TCP connection on a local network is there within one retransmission (RFC 6298: 1 s). */
export const PROBE_MS = 2_500

export async function examine(
  probes: Readonly<Record<string, Probe>>,
  patient: Patient,
  probe_ms = PROBE_MS,
): Promise<Examined[]> {
  const all = Object.entries(probes).map(async ([probe, look]) => {
    const found = await inTime(look, patient, probe_ms)
    return found.map((finding) => ({ probe, ...finding }))
  })
  return (await Promise.all(all)).flat()
}

async function inTime(look: Probe, patient: Patient, probe_ms: number): Promise<Finding[]> {
  const stop = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<Finding[]>((resolve) => {
    timer = setTimeout(() => resolve([tooSlow(probe_ms)]), probe_ms)
  })
  try {
    return await Promise.race([look(patient, stop.signal), late])
  } catch (error) {
    return [failed(reasonOf(error))]
  } finally {
    clearTimeout(timer)
    stop.abort()
  }
}

function tooSlow(probe_ms: number): Finding {
  return {
    code: 'PROBE_SLOW',
    level: 'error',
    says: { zh: `${probe_ms} 毫秒内没有结果`, en: `no result within ${probe_ms} ms` },
    advice: {
      zh: '再运行一次;若仍如此,多半是磁盘或网络没有响应:查看 dmesg',
      en: 'try again; when it stays so, a disk or a network does not answer: look into dmesg',
    },
  }
}

function failed(reason: string): Finding {
  return {
    code: 'PROBE_FAILED',
    level: 'warning',
    says: { zh: `无法检查:${reason}`, en: `cannot be looked at: ${reason}` },
    advice: {
      zh: '以枢纽所用的用户身份运行(如 sudo -u linli linli doctor …)',
      en: 'run it as the user that the hub runs as, such as sudo -u linli linli doctor …',
    },
  }
}

export const ok = (code: string, zh: string, en: string): Finding => ({ code, level: 'ok', says: { zh, en } })

export const wrong = (level: 'warning' | 'error', code: string, says: Said, advice: Said): Finding => ({
  code,
  level,
  says,
  advice,
})
