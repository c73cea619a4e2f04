import type { FallBack } from '../../../flows-host/hub-port.ts'
import type { FlowsStatus } from '../../../flows-host/status.ts'
import { type Finding, ok, type Probe, wrong } from '../finding.ts'

/** Whether the flows (Node-RED) run; alarms pass without them. */
export const flows: Probe = async ({ report }) => {
  if (report === undefined || report === 'silent') return []
  return [judge(report.details.flows)]
}

export function judge(told: unknown): Finding {
  if (told === 'off') return ok('FLOWS_OFF', '未启用流程', 'flows are switched off')
  const { status, flows: are, reason, fell_back } = (told ?? {}) as Partial<FlowsStatus>
  if (status === 'running') return are === 'stopped' ? stopped(reason) : fell_back ? fellBack(fell_back) : running
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

const running = ok('FLOWS_RUN', '流程运行中', 'flows run')

function stopped(reason = ''): Finding {
  return wrong(
    'warning',
    'FLOWS_STOPPED',
    {
      zh: `流程进程在,但流程未运行:${reason}`,
      en: `the process of the flows runs, and the flows in it do not: ${reason}`,
    },
    { zh: '在流程编辑器里查看原因并重新部署', en: 'open the flow editor, which says why, and deploy again' },
  )
}

function fellBack({ from, to, user, at }: FallBack): Finding {
  return wrong(
    'warning',
    'FLOWS_FELL_BACK',
    {
      zh: `${user} 部署的流程版本 ${from} 两次使进程退出,${at} 起改用版本 ${to}`,
      en: `version ${from} of the flows, deployed by ${user}, lost their process twice: version ${to} runs since ${at}`,
    },
    {
      zh: `linli flows diff ${to} ${from} 看差别,改好后在编辑器里重新部署`,
      en: `linli flows diff ${to} ${from} says what differs; mend it and deploy it again in the editor`,
    },
  )
}
