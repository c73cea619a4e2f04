import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { openFolder } from '../../journal/folder.ts'
import { SITE_VERSION, type SiteConfig } from '../../site/schema.ts'
import { readSite, writeSite } from '../../site/site-file.ts'
import type { Language } from '../language.ts'
import { writeSecret } from './entrance.ts'
import { DEMO_SITE_TEXT } from './estate.ts'

/** The camera beside the school gate's button: it is asked for pictures when somebody presses it, and never else. */

const CAMERA = 'school-gate'
const PRESET = 'gate'
const USER = 'linli'
/** How far back it remembers. */
const BUFFER_S = 15
const PASSWORD_FILE = 'school-gate.password'

export function newCameraPassword(): string {
  return randomBytes(12).toString('base64url')
}

export function cameraSimulation(password: string) {
  return {
    onvif: [{ id: CAMERA, port: 0, user: USER, password, presets: ['yard', PRESET], buffer_s: BUFFER_S }],
  }
}

/** Into the site of the demo's hub, before that starts. @param ready what the simulator said */
export async function addCamera(hubDir: string, ready: Record<string, unknown>, password: string): Promise<void> {
  const [camera] = (ready.onvif ?? []) as Array<{ port: number }>
  mkdirSync(hubDir, { recursive: true, mode: 0o700 })
  writeSecret(hubDir, PASSWORD_FILE, `${password}\n`)
  const folder = await openFolder(hubDir)
  const before = (await readSite(folder))?.config ?? emptySite()
  const cameras: SiteConfig['cameras'] = {
    ...before.cameras,
    [CAMERA]: {
      url: `http://127.0.0.1:${camera?.port}/onvif/device_service`,
      place: { building: 'school', spot: 'gate' },
      login: { username: USER, passwordfile: PASSWORD_FILE },
      preset: PRESET,
      past: { path: '/snapshot?at={at}', seconds: BUFFER_S },
    },
  }
  await writeSite(folder, { ...before, cameras })
}

function emptySite(): SiteConfig {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  return { version: SITE_VERSION, site: DEMO_SITE_TEXT, name: 'hub-1', language: 'zh', timeZone, gateways: {} }
}

/** What a line of the simulator says of the camera, for the feed. */
export function cameraLine(line: string, language: Language, clock: string): string | undefined {
  const { type, camera, what } = JSON.parse(line) as { type: string; camera?: string; what?: string }
  if (type !== 'camera' || what === undefined) return undefined
  const said = WORDS[what]?.[language]
  return said && `  ${clock}  ◉ ${String(camera).padEnd(14)} ${said}`
}

const WORDS: Readonly<Record<string, Record<Language, string>>> = {
  snapshot: { zh: '摄像机抓拍', en: 'the camera gave a picture' },
  GotoPreset: { zh: '云台转到预置位', en: 'the camera turns to its preset' },
}

/** Where a demo keeps its pictures. */
export const picturesOf = (hubDir: string): string => join(hubDir, 'pictures')
