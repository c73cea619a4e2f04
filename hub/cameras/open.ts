import { randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { reasonOf } from '../contract/errors.ts'
import { type Cameras, type CamerasDeps, createCameras, TIMES } from './cameras.ts'
import type { CameraConfig } from './config.ts'
import { failed } from './failure.ts'
import { createOnvifClient } from './onvif/client.ts'
import { createTransport, type Login } from './onvif/http.ts'
import { createPictureStore, type PictureStore } from './store.ts'

/** The cameras of a hub with a data folder: their passwords and their pictures lie there. */
export function openCameras(
  dataDir: string,
  deps: Omit<CamerasDeps, 'client' | 'store'>,
  times = TIMES,
): { cameras: Cameras; pictures: PictureStore } {
  const transport = createTransport(() => randomBytes(12).toString('hex'))
  const pictures = createPictureStore(join(dataDir, 'pictures'), deps)
  const client = ({ url, profile, login }: CameraConfig) =>
    createOnvifClient(
      { transport, now_ms: deps.now_ms, nonce: () => randomBytes(16) },
      { url, profile, login: () => login && loginOf(dataDir, login) },
    )
  return { cameras: createCameras({ ...deps, client, store: pictures }, times), pictures }
}

const OTHERS_MASK = 0o077
const PASSWORD_BYTES_MAX = 1_000

/** Read at each use: a new password counts without a restart. @throws {LinliError} CAMERA_SECRET, never with what is in the file */
function loginOf(dataDir: string, { username, passwordfile }: NonNullable<CameraConfig['login']>): Login {
  const file = resolve(dataDir, passwordfile)
  let password: string
  try {
    const { mode, size } = statSync(file)
    if ((mode & OTHERS_MASK) !== 0) throw new Error(`${file} can be read by others: run chmod 600 ${file}`)
    if (size > PASSWORD_BYTES_MAX) throw new Error(`${file} has ${size} bytes: it is no password`)
    password = readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    throw failed('CAMERA_SECRET', reasonOf(error))
  }
  if (password === '') throw failed('CAMERA_SECRET', `${file} is empty`)
  return { username, password }
}
