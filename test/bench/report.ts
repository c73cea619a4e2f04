import type { Findings } from './bench.ts'
import type { Machine } from './host.ts'

/** The findings as Markdown: one line on the machine, one table, how it was measured. */

export interface Report {
  machine: Machine
  quick: boolean
  mosquitto: string | undefined
  findings: Map<string, Findings>
}

export function markdown({ machine, quick, mosquitto, findings }: Report): string {
  const rows = [...findings.values()].flatMap((one) => one.rows)
  const notes = [...findings.values()].flatMap((one) => one.notes)
  const table = rows.map(({ what, linli, peer, ratio, aim }) => [
    what,
    linli,
    peer,
    ratio === undefined ? '' : `${ratio.toFixed(ratio < 10 ? 2 : 0)}×`,
    aim ? `${aim.text}: ${aim.met ? 'met' : '**missed**'}` : '',
  ])
  return [
    `${headline(machine)}; ${mosquitto ?? 'mosquitto not installed'}${quick ? '; quick run, for smoke only' : ''}.`,
    '',
    ...lines([['', 'Linli', 'beside it: mosquitto → its bridge, unless said', 'ratio', 'aim'], ...table]),
    '',
    ...notes.map((note) => `- ${note}`),
    ...(machine.disk === 'tmpfs'
      ? [
          '- The data folders are in memory (tmpfs): fsync costs nothing here and bytes written are 0. Choose a disk with --dir.',
        ]
      : []),
    '',
  ].join('\n')
}

function headline({ cores, cpu, kernel, node, disk, fsync_ms_p50, fsync_ms_p99, load }: Machine): string {
  const fsync = `4 KiB write and fsync p50 ${fsync_ms_p50.toFixed(2)} ms, p99 ${fsync_ms_p99.toFixed(2)} ms`
  return `${cores} cores, ${cpu}, ${kernel}, Node ${node}; load ${load.toFixed(1)} before; ${disk}: ${fsync}`
}

function lines([head = [], ...body]: string[][]): string[] {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'))
  return [line(head), line(rule), ...body.map(line)]
}
