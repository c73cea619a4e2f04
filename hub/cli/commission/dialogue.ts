import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import type { Check, DeviceOutcome } from '../../commissioning/record.ts'
import { LinliError } from '../../contract/errors.ts'
import {
  checkLine,
  deviceLine,
  doneLine,
  type InstructionKey,
  instruction,
  type QuestionKey,
  question,
  word,
} from './words.ts'

/** Between the program and whoever stands at the device: a terminal, or a program by JSON lines. */
export interface Dialogue {
  say(text: string): void
  device(name: string, title: string, at: { number: number; of: number }): void
  check(check: Check): void
  done(outcome: DeviceOutcome): void
  /** One of `choices`; the first is taken when only Enter is pressed, `unattended` when nobody is asked. */
  ask<C extends string>(key: QuestionKey, choices: readonly C[], unattended: C, detail?: string): Promise<C>
  text(key: QuestionKey): Promise<string>
  /** Says what to do, and waits for `done`; `skip` when the person says that it is not to be waited for. */
  until<T>(key: InstructionKey, done: (stop: AbortSignal) => Promise<T>, detail?: string): Promise<T | 'skip'>
  close(): void
}

export interface DialogueOptions {
  input: NodeJS.ReadableStream & { isTTY?: boolean }
  output: NodeJS.WritableStream
  json: boolean
  /** Nobody answers: questions take what is right without anybody. */
  unattended: boolean
}

/** Of a terminal where somebody keeps typing nonsense. */
const TRIES_MAX = 10

export function openDialogue(options: DialogueOptions): Dialogue {
  const { output, json, unattended } = options
  const lines = unattended ? undefined : openLines(options)
  const tell = (value: object, text: string) => output.write(json ? `${JSON.stringify(value)}\n` : `${text}\n`)
  const line = async (prompt: string, over?: AbortSignal) => answerIn(await (lines as Lines).next(prompt, over), json)

  return {
    say: (text) => void tell({ type: 'say', text }, text),
    device: (device, title, at) => void tell({ type: 'device', device, ...at }, deviceLine(device, title, at)),
    check: (check) => void tell({ type: 'check', ...check }, `  ${checkLine(check)}`),
    done: (outcome) => void tell({ type: 'outcome', ...outcome }, `  ${doneLine(outcome)}`),

    async ask(key, choices, alone, detail = '') {
      const text = `${question(key)}${detail === '' ? '' : ` ${detail}`}`
      if (json) output.write(`${JSON.stringify({ type: 'ask', question: key, text, choices })}\n`)
      if (!lines) {
        if (!json) output.write(`  ${text} ${alone}\n`)
        return alone
      }
      for (let tries = 1; ; tries++) {
        const shown = choices.map((choice, at) => (at === 0 ? choice.toUpperCase() : choice)).join('/')
        const typed = (await line(`  ${text} [${shown}] `)).toLowerCase()
        const chosen = typed === '' ? choices[0] : choices.find((choice) => choice === typed || choice[0] === typed)
        if (chosen !== undefined) return chosen
        const message = `${JSON.stringify(typed.slice(0, 40))}: ${choices.join(', ')}?`
        if (tries >= TRIES_MAX) throw new LinliError('ANSWER_INVALID', message, { kind: 'caller' })
        tell({ type: 'invalid', text: message }, `  ${message}`)
      }
    },

    async text(key) {
      const text = question(key)
      if (json) output.write(`${JSON.stringify({ type: 'ask', question: key, text })}\n`)
      return lines ? (await line(`  ${text} `)).slice(0, 400) : ''
    },

    async until(key, done, detail = '') {
      const text = `${instruction(key)}${detail === '' ? '' : ` ${detail}`}`
      tell({ type: 'do', instruction: key, text }, `  ▶ ${text}${lines ? `  (${word('skipHint')})` : ''}`)
      const stop = new AbortController()
      const over = new AbortController()
      const doing = done(stop.signal)
      try {
        return await (lines ? Promise.race([doing, waitForSkip(over.signal)]) : doing)
      } finally {
        stop.abort()
        over.abort()
        // Nobody looks twice at once.
        await doing.catch(() => undefined)
      }
    },

    close: () => lines?.close(),
  }

  async function waitForSkip(over: AbortSignal): Promise<'skip'> {
    for (;;) {
      try {
        if (/^s(kip)?$/i.test(await line('', over))) return 'skip'
      } catch (error) {
        if (over.aborted) return 'skip'
        throw error
      }
    }
  }
}

interface Lines {
  /** @throws {LinliError} COMMISSION_STOPPED */
  next(prompt: string, over?: AbortSignal): Promise<string>
  close(): void
}

/** What is typed before it is asked for: kept from a program, dropped from a person, who cannot have meant it. */
function openLines({ input, output, json }: DialogueOptions): Lines {
  const terminal = createInterface({ input, output: json ? nowhere() : output })
  const early: string[] = []
  let waiting: { resolve(line: string): void; reject(error: Error): void } | undefined
  let isClosed = false
  const stopped = () => new LinliError('COMMISSION_STOPPED', word('stopped'), { kind: 'caller' })
  terminal.on('line', (line) => {
    if (waiting) waiting.resolve(line)
    else if (json) early.push(line)
  })
  terminal.once('SIGINT', () => terminal.close())
  terminal.once('close', () => {
    isClosed = true
    waiting?.reject(stopped())
  })
  return {
    next(prompt, over) {
      const kept = early.shift()
      if (kept !== undefined) return Promise.resolve(kept)
      return new Promise<string>((resolve, reject) => {
        if (isClosed) return reject(stopped())
        waiting = { resolve, reject }
        over?.addEventListener('abort', () => reject(stopped()), { once: true })
        terminal.setPrompt(json ? '' : prompt)
        if (prompt === '') terminal.resume()
        else terminal.prompt()
      }).finally(() => {
        waiting = undefined
      })
    },
    close: () => terminal.close(),
  }
}

/** A program may answer in JSON or in plain lines. */
function answerIn(typed: string, json: boolean): string {
  const text = typed.trim()
  if (!json || !text.startsWith('{')) return text
  try {
    const { answer } = JSON.parse(text) as { answer?: unknown }
    return typeof answer === 'string' ? answer.trim() : text
  } catch {
    return text
  }
}

function nowhere(): NodeJS.WritableStream {
  return new Writable({ write: (_chunk, _encoding, done) => done() })
}
