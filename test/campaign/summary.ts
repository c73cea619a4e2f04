import type { Judged } from './verdict.ts'

export interface FaultRow {
  times: number
  /** From the end of the fault until everything said by then was at the district. */
  recoveries_ms: number[]
}

export interface Outcome extends Judged {
  seed: number
  kills: number
  elapsed_ms: number
  rows: Map<string, FaultRow>
}

/** The table that a campaign ends with, in Markdown. */
export function summary(outcome: Outcome): string {
  const { alarms, telemetry, presses, holes, kills, seed } = outcome
  const faults = [...outcome.rows].map(([name, { times, recoveries_ms }]) => {
    const sorted = [...recoveries_ms].sort((a, b) => a - b)
    return `| ${name} | ${times} | ${seconds(sorted[Math.floor(sorted.length / 2)])} | ${seconds(sorted.at(-1))} |`
  })
  return [
    `Seed ${seed}: ${kills} kills, ${[...outcome.rows.values()].reduce((sum, { times }) => sum + times, 0)} faults in ${Math.round(outcome.elapsed_ms / 1000)} s`,
    '',
    '| fault | times | all there again, median | worst |',
    '| --- | ---: | ---: | ---: |',
    ...faults,
    '',
    '| | said | arrived | lost | phantom | out of order | changed | twice |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ledger('alarms', alarms),
    ledger('telemetry', telemetry),
    `| presses | ${presses.pressed} (${presses.unseeable} while a gateway was off) | ${presses.arrived} | ${Math.max(0, presses.pressed - presses.unseeable - presses.arrived)} | ${Math.max(0, presses.arrived - presses.pressed)} | | | ${presses.duplicates} |`,
    '',
    `Missing sequence numbers of the real gateways: ${holes.length}`,
  ].join('\n')
}

function ledger(name: string, verdict: Judged['alarms']): string {
  const { said, delivered, lost, phantom, disordered, changed, duplicates } = verdict
  return `| ${name} | ${said} | ${delivered - duplicates} | ${lost.length} | ${phantom.length} | ${disordered.length} | ${changed.length} | ${duplicates} |`
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? '' : `${(ms / 1000).toFixed(2)} s`
}
