import { type Finding, ok, type Probe, wrong } from '../finding.ts'

/** Whether the flows (Node-RED) run; alarms pass without them. */
export const flows: Probe = async ({ report }) => {
  if (report === undefined || report === 'silent') return []
  return [judge(report.details.flows)]
}

export function judge(told: unknown): Finding {
  if (told === 'off') return ok('FLOWS_OFF', '未启用流程', 'flows are switched off')
  const { status } = (told ?? {}) as { status?: unknown }
  if (status === 'running') return ok('FLOWS_RUN', '流程运行中', 'flows run')
  return wrong(
    'warning',
    'FLOWS_DOWN',
    { zh: `流程未运行(${String(status)})`, en: `flows do not run (${String(status)})` },
    {
      zh: '枢纽会自动重启流程;若持续,查看枢纽日志中 flows 的行,撤回最近的流程改动',
      en: 'the hub starts them again by itself; when it stays so, read the lines of flows in its log and take back the last change',
    },
  )
}
