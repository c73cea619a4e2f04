import { createFirmataBoard } from '../adapters/firmata-board.ts'
import type { BytePortFactory } from '../ports/byte-port.ts'
import type { Logger } from '../ports/logger.ts'
import type { PinBoard, StatusReport } from '../ports/pin-board.ts'
import type { BoardConfig } from './config.ts'

/** The boards of a gateway. */

export const boardDefaults = { baud: 57_600, watchdog_ms: 2000, handshake_ms: 8000, sampling_ms: 10 } as const

/** Any change of status; `change` is set when a board begins or stops to work. */
export type OnBoardStatus = (board: PinBoard, report: StatusReport, change: 'ready' | 'lost' | undefined) => void

export interface BoardsDeps {
  openPort: BytePortFactory
  random: () => number
  log: Logger
  onStatus: OnBoardStatus
}

export function createBoards(deps: BoardsDeps, configs: BoardConfig[]): Map<string, PinBoard> {
  const boards = new Map<string, PinBoard>()
  for (const config of configs) {
    const settings = { ...boardDefaults, ...config }
    const port = deps.openPort({ path: settings.port, baud: settings.baud })
    const board = createFirmataBoard({ port, random: deps.random, log: deps.log }, settings)
    tellStatus(board, deps.onStatus)
    boards.set(config.id, board)
  }
  return boards
}

export function tellStatus(board: PinBoard, onStatus: OnBoardStatus): void {
  let told: 'ready' | 'lost' | undefined
  board.onStatus((report) => {
    const is = report.status === 'ready' ? 'ready' : 'lost'
    onStatus(board, report, is === told ? undefined : is)
    told = is
  })
}
