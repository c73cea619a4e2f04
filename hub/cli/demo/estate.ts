import { join } from 'node:path'

/** The demo estate: four one-key alarms at the kinds of places the district programme names, on two gateways. */

export const DEMO_SITE = { street: 'demo-street', community: 'demo-community', estate: 'demo-estate' } as const
export const DEMO_SITE_TEXT = 'demo-street/demo-community/demo-estate'

interface DemoButton {
  id: string
  board: string
  place: { building: string; spot: string; label: string }
  contactPin: number
  loopPin: number
  lampPin: number
  sirenPin: number
}

/** Pins of an Arduino Uno: D2/D3 contacts, A0/A1 loops, D5–D8 outputs. */
const FIRST = { contactPin: 2, loopPin: 0, lampPin: 5, sirenPin: 6 }
const SECOND = { contactPin: 3, loopPin: 1, lampPin: 7, sirenPin: 8 }

export const DEMO_GATEWAYS = [
  { gateway: 'gw-1', board: 'board-a' },
  { gateway: 'gw-2', board: 'board-b' },
] as const

export const DEMO_BUTTONS: DemoButton[] = [
  { id: 'b1', board: 'board-a', place: { building: 'school', spot: 'gate', label: '学校门口 School gate' }, ...FIRST },
  {
    id: 'b2',
    board: 'board-a',
    place: { building: 'kindergarten', spot: 'hall', label: '幼儿园大厅 Kindergarten hall' },
    ...SECOND,
  },
  {
    id: 'b3',
    board: 'board-b',
    place: { building: 'hospital', spot: 'desk', label: '医院导诊台 Hospital desk' },
    ...FIRST,
  },
  {
    id: 'b4',
    board: 'board-b',
    place: { building: 'site', spot: 'office', label: '工地值班室 Building-site office' },
    ...SECOND,
  },
]

export function portOf(dir: string, board: string): string {
  return join(dir, 'ports', `tty-${board}`)
}

export function simulatorConfig(dir: string, kind: string) {
  return {
    seed: 1,
    boards: DEMO_GATEWAYS.map(({ board }) => ({
      id: board,
      kind,
      baud: 57600,
      port: portOf(dir, board),
      devices: DEMO_BUTTONS.filter((button) => button.board === board).map(
        ({ board: _board, place: _place, ...pins }) => ({ kind: 'alarm-button', ...pins }),
      ),
    })),
  }
}

export function gatewayConfig(dir: string, gateway: string, hubUrl: string) {
  const boards = DEMO_GATEWAYS.filter((one) => one.gateway === gateway)
  return {
    gateway,
    site: DEMO_SITE,
    data: join(dir, gateway),
    uplink: { url: hubUrl },
    boards: boards.map(({ board }) => ({ id: board, port: portOf(dir, board), baud: 57600 })),
    devices: DEMO_BUTTONS.filter((button) => boards.some(({ board }) => board === button.board)).map((button) => ({
      kind: 'alarm-button',
      ...button,
    })),
  }
}
