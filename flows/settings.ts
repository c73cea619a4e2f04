import { fileURLToPath } from 'node:url'
import { admitTo } from './dashboard/door.ts'
import { PERSON_HEADER, personIn } from './front.ts'
import { redLogHandler } from './log.ts'
import type { Bridge } from './parent/bridge.ts'
import type { StartMessage } from './parent/messages.ts'
import type { Storage } from './storage/storage.ts'

export interface SettingsDeps {
  start: StartMessage
  storage: Storage
  credential_secret: string
  bridge: Bridge
}

/**
 * Core nodes that are left out: `exec` runs programs of the box; the others would open paths on the editor's server that
 * no login protects (Node-RED does not apply `httpNodeAuth` when it is embedded).
 */
const EXCLUDED = ['90-exec.js', '21-httpin.js', '22-websocket.js']

/** s a function node may compute at once. */
const FUNCTION_S_MAX = 1

/** As the hub's own pages know it. */
export const EDITOR_ROOT = '/editor'

const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** The settings of Node-RED: login in front of everything, nothing called home, nothing installed at run time. */
export function redSettings({ start, storage, credential_secret, bridge }: SettingsDeps): object {
  return {
    userDir: start.data_dir,
    storageModule: storage,
    credentialSecret: credential_secret,
    nodesDir: [folder('./nodes'), folder('./dashboard')],
    nodesExcludes: EXCLUDED,
    lang: start.language,
    httpAdminRoot: EDITOR_ROOT,
    // FlowFuse Dashboard alone is reached below it: `serve` of main.ts.
    httpNodeRoot: '/',
    dashboard: { ioMiddleware: admitTo(start.secret) },
    httpAdminMiddleware: securityHeaders,
    // The hub has asked who it is; Node-RED keeps no login of its own.
    adminAuth: {
      type: 'hub',
      tokenHeader: PERSON_HEADER,
      tokens: async (token: string) => personIn(token, start.secret) ?? null,
    },
    telemetry: { enabled: false, updateNotification: false },
    externalModules: {
      autoInstall: false,
      palette: { allowInstall: false, allowUpdate: false, allowUpload: false },
      modules: { allowInstall: false },
    },
    functionExternalModules: false,
    // The first defence: a function node that loops is stopped with an error in its place; what escapes it, the hub kills.
    globalFunctionTimeout: FUNCTION_S_MAX,
    diagnostics: { enabled: false, ui: false },
    runtimeState: { enabled: false, ui: false },
    exportGlobalContextKeys: false,
    debugMaxLength: 1_000,
    paletteCategories: ['邻里 Linli', 'common', 'function', 'network', 'sequence', 'parser', 'storage'],
    logging: { linli: { level: 'info', metrics: false, audit: true, handler: () => redLogHandler } },
    editorTheme: {
      page: { title: '邻里 Linli', scripts: [folder(`./editor/default-language.${start.language}.js`)] },
      header: { title: '邻里 Linli' },
      projects: { enabled: false },
      multiplayer: { enabled: false },
      tours: false,
    },
    linli: bridge,
  }
}

interface HeaderResponse {
  setHeader(name: string, value: string): void
}

/** The editor must not be framed by, nor leak its address to, another page of the estate's network. */
function securityHeaders(_request: unknown, response: HeaderResponse, next: () => void): void {
  response.setHeader('X-Frame-Options', 'SAMEORIGIN')
  response.setHeader('X-Content-Type-Options', 'nosniff')
  response.setHeader('Referrer-Policy', 'same-origin')
  next()
}
