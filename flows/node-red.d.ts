/** The part of Node-RED that Linli uses; Node-RED ships no types. */
declare module 'node-red' {
  import type { RequestListener, Server } from 'node:http'

  interface Red {
    init(server: Server, settings: object): void
    start(): Promise<void>
    stop(): Promise<void>
    readonly httpAdmin: RequestListener
    readonly runtime: { flows: { setFlows(options: { deploymentType: 'reload' }): Promise<unknown> } }
    readonly httpNode: RequestListener
    readonly events: {
      on(name: string, listener: (payload: unknown) => void): void
    }
  }
  const red: Red
  export default red
}
