import { dirname } from 'node:path'

/** The systemd units of a box, as text. */

export const SERVICES = ['hub', 'gateway'] as const
export type Service = (typeof SERVICES)[number]

export interface UnitSettings {
  /** Where the software is; a link that `linli update` turns. */
  app: string
  /** Flags of Node for this program. */
  nodeFlags: readonly string[]
  environment: Readonly<Record<string, string>>
  /** Given to the program beside what the unit says. */
  args: readonly string[]
  watchdog: string | undefined
  /** Version of systemd: a pause that grows came with 254, before that it is always the first one. */
  systemd: number
}

export interface UnitFile {
  path: string
  text: string
}

/** A Pi of 1 GB has room for both and for a system of 200 MB; the hub's share holds the flows too. */
const MEMORY = {
  hub: { high: '450M', max: '550M' },
  gateway: { high: '200M', max: '250M' },
} as const
/** Serial lines, and the lines of the box; groups as in /proc/devices. */
const GATEWAY_DEVICES = ['char-ttyUSB', 'char-ttyACM', 'char-ttyAMA', 'char-ttyS', 'char-gpiochip']
/** Who may use serial lines and GPIO; a group that is not there keeps a unit from starting. */
const GROUPS = ['dialout', 'gpio']
const PAUSE_GROWS_SINCE = 254

export function unitName(service: Service): string {
  return `linli-${service}.service`
}

export function unitFiles(service: Service, settings: UnitSettings): UnitFile[] {
  const name = `linli-${service}`
  return [
    { path: `/etc/systemd/system/${unitName(service)}`, text: unitText(service, settings) },
    {
      path: `/etc/sysusers.d/${name}.conf`,
      text: lines([
        ...(service === 'gateway' ? GROUPS.map((group) => `g ${group} -`) : []),
        `u ${name} - "Linli ${service}" /var/lib/${name}`,
      ]),
    },
  ]
}

function environment(name: string, settings: UnitSettings): string {
  const all = { HOME: `/var/lib/${name}`, NODE_COMPILE_CACHE: `/var/cache/${name}`, ...settings.environment }
  return Object.entries(all)
    .map(([variable, value]) => `${variable}=${value}`)
    .join(' ')
}

function unitText(service: Service, settings: UnitSettings): string {
  const { watchdog, systemd } = settings
  const name = `linli-${service}`
  const devices = service === 'gateway' ? GATEWAY_DEVICES : []
  const allowed = watchdog === undefined ? devices : [...devices, watchdog]
  return lines([
    '[Unit]',
    `Description=Linli ${service}`,
    'Wants=network-online.target',
    `After=network-online.target time-sync.target${service === 'gateway' ? ' linli-hub.service' : ''}`,
    '# Restarts for ever.',
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    'Type=notify',
    'NotifyAccess=main',
    '# What an update or a rollback was doing when the power went is settled before anything of it runs.',
    `ExecStartPre=-+/bin/sh ${dirname(settings.app)}/settle`,
    ...(watchdog === undefined ? [] : [`ExecStartPre=-+/bin/chown ${name} ${watchdog}`]),
    `ExecStart=${command(service, settings)}`,
    'Restart=always',
    'RestartSec=2',
    ...(systemd >= PAUSE_GROWS_SINCE ? ['RestartSteps=6', 'RestartMaxDelaySec=60'] : []),
    'TimeoutStartSec=300',
    'TimeoutStopSec=20',
    'WatchdogSec=60',
    '# What the flows take too much ends the flows, not the hub.',
    'OOMPolicy=continue',
    `MemoryHigh=${MEMORY[service].high}`,
    `MemoryMax=${MEMORY[service].max}`,
    'TasksMax=256',
    'LimitNOFILE=65536',
    '',
    `User=${name}`,
    ...(service === 'gateway' ? [`SupplementaryGroups=${GROUPS.join(' ')}`] : []),
    `StateDirectory=${name}`,
    'StateDirectoryMode=0700',
    `CacheDirectory=${name}`,
    `WorkingDirectory=/var/lib/${name}`,
    `Environment=${environment(name, settings)}`,
    'UMask=0077',
    '',
    ...HARDENING,
    ...(allowed.length === 0 ? ['PrivateDevices=yes'] : ['DevicePolicy=closed']),
    ...allowed.map((device) => `DeviceAllow=${device} rw`),
    '',
    '[Install]',
    'WantedBy=multi-user.target',
  ])
}

/** Without MemoryDenyWriteExecute: V8 compiles. Without ProtectClock: whether the clock is set is asked of adjtimex(2). */
const HARDENING = [
  'NoNewPrivileges=yes',
  'CapabilityBoundingSet=',
  'AmbientCapabilities=',
  'ProtectSystem=strict',
  'ProtectHome=yes',
  'PrivateTmp=yes',
  'ProtectProc=invisible',
  'ProtectHostname=yes',
  'ProtectKernelTunables=yes',
  'ProtectKernelModules=yes',
  'ProtectKernelLogs=yes',
  'ProtectControlGroups=yes',
  'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
  'RestrictNamespaces=yes',
  'RestrictRealtime=yes',
  'RestrictSUIDSGID=yes',
  'LockPersonality=yes',
  'RemoveIPC=yes',
  'KeyringMode=private',
  'SystemCallArchitectures=native',
  'SystemCallFilter=@system-service adjtimex clock_adjtime',
  'SystemCallErrorNumber=EPERM',
]

function command(service: Service, settings: UnitSettings): string {
  const { app, nodeFlags, watchdog, args } = settings
  const entry = service === 'hub' ? `${app}/hub/main.ts` : `${app}/firmware/main.ts`
  const own = service === 'hub' ? ['--data', '/var/lib/linli-hub'] : ['--config', '/var/lib/linli-gateway/gateway.json']
  const all = [...own, ...(watchdog === undefined ? [] : ['--watchdog', watchdog]), ...args]
  return [node(settings), ...nodeFlags, entry, ...all.map(quoted)].join(' ')
}

/** The pinned Node itself and not the `linli` command, so that the process that systemd watches is the program. */
function node({ app }: UnitSettings): string {
  return `${app}/node_modules/.bin/node`
}

/** systemd.service(5), COMMAND LINES; `%` and `$` would be taken for something else. */
function quoted(argument: string): string {
  const safe = argument.replaceAll('%', '%%').replaceAll('$', '$$$$')
  return /^[\w./:=@%$,+-]+$/.test(safe) ? safe : `"${safe.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}

function lines(all: string[]): string {
  return `${all.join('\n')}\n`
}
