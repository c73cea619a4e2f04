import { ref } from 'vue'

/**
 * The sound of an alarm, made by the browser itself. Browsers are silent until somebody has touched the page once: until then
 * `sound` says so, and the page asks for that touch.
 */

export type Sound = 'locked' | 'ready' | 'ringing' | 'muted'
export const sound = ref<Sound>('locked')
/** How often it rang; for whoever wants to know that it did. */
export const rung = ref(0)

let context: AudioContext | undefined
let wanted: 'none' | 'alarm' | 'lost' = 'none'
let muted = false
let timer: ReturnType<typeof setInterval> | undefined
const EVERY_MS = 1_600

/** Called with every touch: the first one that the browser accepts unlocks it. */
export async function unlock(): Promise<void> {
  context ??= new AudioContext()
  if (context.state !== 'running') await context.resume().catch(() => undefined)
  show()
  if (wanted !== 'none' && timer === undefined) ring()
}

export function mute(isMuted: boolean): void {
  muted = isMuted
  show()
}

/** `alarm` goes on until it is no longer wanted; `lost` is another, lower sound. */
export function want(what: typeof wanted): void {
  if (what === wanted) return
  wanted = what
  clearInterval(timer)
  timer = undefined
  show()
  if (what === 'none') return
  // Some browsers allow it without a touch: kiosks, installed pages.
  context ??= new AudioContext()
  ring()
}

/** Once, for what is new and does not wait for anybody. */
export function chime(): void {
  tones([[880, 0, 0.18]])
}

function ring(): void {
  once()
  timer ??= setInterval(once, EVERY_MS)
}

function once(): void {
  tones(
    wanted === 'alarm'
      ? [
          [784, 0, 0.28],
          [1047, 0.3, 0.28],
          [784, 0.6, 0.28],
          [1047, 0.9, 0.34],
        ]
      : [
          [330, 0, 0.4],
          [262, 0.45, 0.5],
        ],
  )
}

function tones(notes: Array<[hz: number, at_s: number, for_s: number]>): void {
  if (context?.state !== 'running' || muted) {
    show()
    return
  }
  for (const [hz, at_s, for_s] of notes) {
    const begin = context.currentTime + at_s
    const tone = context.createOscillator()
    const volume = context.createGain()
    tone.type = 'triangle'
    tone.frequency.value = hz
    volume.gain.setValueAtTime(0.0001, begin)
    volume.gain.exponentialRampToValueAtTime(0.5, begin + 0.02)
    volume.gain.setValueAtTime(0.5, begin + for_s - 0.05)
    volume.gain.exponentialRampToValueAtTime(0.0001, begin + for_s)
    tone.connect(volume).connect(context.destination)
    tone.start(begin)
    tone.stop(begin + for_s + 0.02)
  }
  rung.value += 1
  show()
}

function show(): void {
  if (context?.state !== 'running') sound.value = 'locked'
  else if (muted) sound.value = 'muted'
  else sound.value = wanted === 'none' ? 'ready' : 'ringing'
}
