import type { Result } from '../../hub/contract/command.ts'
import type { Msg, RedNode } from './red.ts'

/** What every node does that asks the hub for one thing and waits for the one answer. */

export type Answer = Pick<Result, 'status' | 'code' | 'message'>

/** Shows on the node what was asked and what came of it. */
export async function ask(node: RedNode, what: string, asked: Promise<Answer>): Promise<Answer> {
  node.status({ fill: 'yellow', shape: 'ring', text: what })
  const result = await asked
  const done = result.status === 'succeeded'
  node.status({
    fill: done ? 'green' : 'red',
    shape: done ? 'dot' : 'ring',
    text: done ? what : `${what} · ${result.code ?? result.status}`,
  })
  return result
}

/** First output: it was done. Second: it was not, and why. */
export function resultMsg(msg: Msg, result: Answer): Array<Msg | null> {
  const out = { ...msg, payload: result }
  if (result.status === 'succeeded') return [out, null]
  return [null, { ...out, error: { code: result.code ?? result.status, message: result.message ?? result.status } }]
}
