import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { createServer } from 'node:net'
import { Aedes } from 'aedes'
import { Command } from 'commander'

/**
 * A stand-in for the district's broker, as a process of its own: for the demo, and for tests that kill it. With
 * `--record` every message is on disk before it is acknowledged, so that what it has acknowledged can be counted after
 * a kill -9. Nothing of the product runs on it.
 */
const program = new Command('district stand-in')
  .option('--host <address>', 'address to listen on', '127.0.0.1')
  .option('--port <n>', 'port, 0 = any free one', '0')
  .option('--record <file>', 'append one JSON line per message, fsynced before its acknowledgement')
  .option('--print', 'one JSON line on stdout per message')
  .option(
    '--refuse <text>',
    'closes the connection at a message that holds this text, as brokers do that forbid a topic',
  )
  .parse()
const options = program.opts<{ host: string; port: string; record?: string; print?: true; refuse?: string }>()
const record = options.record === undefined ? undefined : openSync(options.record, 'a')

const broker = await Aedes.createBroker({
  authorizePublish(client, packet, done) {
    if (options.refuse !== undefined && packet.payload.includes(options.refuse)) return done(new Error('refused'))
    if (record !== undefined && client) {
      const payload = packet.payload.toString('utf8')
      const line = {
        client: client.id,
        topic: packet.topic,
        qos: packet.qos,
        retain: packet.retain,
        at_ms: performance.timeOrigin + performance.now(),
        payload,
      }
      writeSync(record, `${JSON.stringify(line)}\n`)
      fsyncSync(record)
    }
    if (options.print && client) {
      const { topic, retain } = packet
      process.stdout.write(`${JSON.stringify({ topic, retain, payload: packet.payload.toString('utf8') })}\n`)
    }
    done(null)
  },
})
const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => undefined)
  broker.handle(socket)
})
server.on('error', (error) => {
  process.stderr.write(`district stand-in: cannot listen on ${options.host}:${options.port}: ${error.message}\n`)
  process.exit(2)
})
server.listen(Number(options.port), options.host, () => {
  const address = server.address()
  process.stdout.write(
    `${JSON.stringify({ type: 'ready', port: typeof address === 'object' && address !== null ? address.port : 0 })}\n`,
  )
})

function stop(): void {
  server.close()
  broker.close(() => {
    if (record !== undefined) closeSync(record)
    process.exit(0)
  })
}
process.once('SIGTERM', stop)
process.once('SIGINT', stop)
// Started by another program that is gone: nobody could end us any more.
process.once('disconnect', stop)
