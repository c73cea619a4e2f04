import type { DashboardSocket } from './door.ts'
import type { DashboardRed } from './red.ts'

/** Says to flows who pressed something at a page: `msg._client.person`. */
export default function linliWho(RED: DashboardRed): void {
  RED.plugins.registerPlugin('linli-who', {
    type: 'node-red-dashboard-2',
    hooks: {
      onAddConnectionCredentials(socket: DashboardSocket, msg: { _client?: object }) {
        msg._client = { ...msg._client, person: socket.data.person }
        return msg
      },
    },
  })
}
