import { constants } from 'node:os'
import { getSystemErrorMap } from 'node:util'
import { LinliError } from '../../../hub/contract/errors.ts'

/** What the kernel says about GPIO, as what a person can do about it. */

const { EACCES, EBUSY, EINVAL, ENODEV, ENOENT, ENOTTY, ENXIO, EPERM } = constants.errno

/** @param code -errno of a failed `open` */
export function openError(path: string, code: number): LinliError {
  switch (-code) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
      return fault(
        'GPIO_NOT_FOUND',
        `there is no ${path}; \`ls /dev/gpiochip*\` shows what the box has; the name header finds that of a Pi`,
      )
    case EACCES:
    case EPERM:
      return fault(
        'GPIO_PERMISSION',
        `may not open ${path}; add the user to group gpio (\`sudo usermod -aG gpio USER\`) and start anew`,
      )
    case EBUSY:
      return fault('GPIO_BUSY', `${path} is in use by another program that shares it with nobody; end that program`)
    default:
      return fault('GPIO_FAILED', `cannot open ${path}: ${nameOf(code)}`)
  }
}

/** @param code -errno of a failed ioctl or read */
export function callError(path: string, what: string, code: number): LinliError {
  switch (-code) {
    case ENOTTY:
      return fault('GPIO_FAILED', `${path} is no GPIO chip; name one of /dev/gpiochip*`)
    case EINVAL:
      return fault(
        'GPIO_FAILED',
        `${path} refuses to ${what}; the kernel must be 5.10 or newer (\`uname -r\`), and the lines able to do it`,
      )
    case ENODEV:
      return fault('GPIO_GONE', `${path} went away; plug it in again`)
    default:
      return fault('GPIO_FAILED', `${path} cannot ${what}: ${nameOf(code)}`)
  }
}

export function busyError(path: string, line: number, consumer: string): LinliError {
  const by = consumer === '' ? 'the kernel' : `“${consumer}”`
  return fault(
    'GPIO_BUSY',
    `line ${line} of ${path} is in use by ${by}; end that program, switch off that function in config.txt, or choose another line`,
  )
}

export function missingLineError(path: string, line: number, lines: number): LinliError {
  return new LinliError('GPIO_LINE_MISSING', `${path} has no line ${line}; it has lines 0…${lines - 1}`, {
    kind: 'caller',
  })
}

function fault(code: string, message: string): LinliError {
  return new LinliError(code, message, { kind: 'fault' })
}

function nameOf(code: number): string {
  const [name, description] = getSystemErrorMap().get(code) ?? [`error ${-code}`, '']
  return description === '' ? name : `${name}, ${description}`
}
