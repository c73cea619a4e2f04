import { join } from 'node:path'
import { ok, type Probe, wrong } from '../finding.ts'

/** Whether the hub of this folder runs, and what it says of itself. */
export const hub: Probe = async ({ report, dataDir }) => {
  if (report === undefined)
    return [
      wrong(
        'warning',
        'HUB_STOPPED',
        { zh: '枢纽未运行', en: 'no hub runs with this folder' },
        { zh: `linli hub --data '${dataDir}'`, en: `linli hub --data '${dataDir}'` },
      ),
    ]
  if (report === 'silent')
    return [
      wrong(
        'error',
        'HUB_SILENT',
        { zh: '枢纽进程没有响应', en: 'a hub is there and does not answer' },
        {
          zh: `查看其日志;用 fuser 找到进程,结束后重新启动:fuser '${join(dataDir, 'counter.sock')}'`,
          en: `look into its log; end it and start it again: fuser '${join(dataDir, 'counter.sock')}'`,
        },
      ),
    ]
  if (report.problems.length === 0)
    return [ok('HUB_HEALTHY', `枢纽运行正常(进程 ${report.pid})`, `the hub runs well (process ${report.pid})`)]
  return report.problems.map((problem) =>
    wrong(
      'error',
      'HUB_FAILING',
      { zh: `枢纽报告:${problem}`, en: `the hub says: ${problem}` },
      { zh: '先处理此项,再看枢纽日志', en: 'mend this first; its log says since when' },
    ),
  )
}
