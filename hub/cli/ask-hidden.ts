import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'

/** Asks at the terminal for something that is not shown. @param nowhere the error when there is no terminal, or nobody answers */
export function askHidden(question: string, nowhere: () => Error): Promise<string> {
  if (!process.stdin.isTTY) throw nowhere()
  process.stderr.write(`${question}: `)
  // What is typed is not shown.
  const output = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input: process.stdin, output, terminal: true })
  return new Promise((resolve, reject) => {
    terminal.once('SIGINT', () => {
      terminal.close()
      reject(nowhere())
    })
    terminal.question('', (answer) => {
      terminal.close()
      process.stderr.write('\n')
      resolve(answer)
    })
  })
}
