import { LinliError } from '../contract/errors.ts'

/** Why a camera gave no picture: the code stands in the incident, the words in the log. */
export const FAILURES = {
  CAMERA_AWAY: 'no connection',
  CAMERA_SLOW: 'no answer in time',
  CAMERA_LOGIN: 'it refuses the user name or the password',
  CAMERA_SECRET: 'its password cannot be read',
  CAMERA_ANSWER: 'what it answers is not understood',
  CAMERA_ELSEWHERE: 'it sends us elsewhere, where we do not go',
  CAMERA_TOO_LARGE: 'its answer is too large',
  CAMERA_PICTURE: 'what it gives is no whole JPEG picture',
  CAMERA_PRESET: 'it does not know the preset',
  CAMERA_BUSY: 'it is asked for too many pictures already',
  PICTURE_LATE: 'the alarm came too late for a picture of its moment',
  PICTURE_RESTARTED: 'the hub was restarted in that moment',
  PICTURE_UNKEPT: 'the picture could not be written',
} as const
export type FailureCode = keyof typeof FAILURES

export function failed(code: FailureCode, more?: string): LinliError {
  const message = more === undefined ? FAILURES[code] : `${FAILURES[code]}: ${more}`
  return new LinliError(code, message, { kind: 'fault' })
}
