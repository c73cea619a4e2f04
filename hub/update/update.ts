import { LinliError, reasonOf } from '../contract/errors.ts'
import { checkRoom, inspect, unpack } from './bundle.ts'
import type { Layout } from './layout.ts'

/**
 * An update, and going back: at each moment the box has the old version or the new one, whole. What was on trial when the
 * power went is given up at the next start.
 */

export const STEPS = ['check', 'backup', 'unpack', 'prove', 'switch', 'restart', 'health', 'tidy'] as const
export type UpdateStep = (typeof STEPS)[number]

export interface UpdateDeps {
  layout: Layout
  /** PEM of whom this box trusts; undefined: checksums only. */
  publisher: string | undefined
  /** Saves what a new version may change. */
  backup(): Promise<void>
  /** The version in this folder can run here. @throws */
  prove(folder: string, version: string): Promise<void>
  /** The services run what is current. @throws */
  restart(): Promise<void>
  /** Resolves when all is well, within its time. @throws with what is wrong */
  healthy(): Promise<void>
  /** A line of the audit log. Never rejects. */
  note(outcome: 'succeeded' | 'failed', from: string, to: string, why?: string): Promise<void>
  progress(step: UpdateStep): void
  isAlive(pid: number): boolean
  boot: string
}

/** @returns from which version to which, and what was removed */
export async function update(
  deps: UpdateDeps,
  file: string,
  keep: number,
): Promise<{ from: string; to: string; pruned: string[] }> {
  const { layout, progress } = deps
  settle(deps)
  const from = layout.current()
  if (from === undefined)
    throw new LinliError('UPDATE_NOTHING', `${layout.base} has no version yet: linli update --first`, {
      kind: 'caller',
    })
  progress('check')
  const manifest = await inspect(file, deps.publisher)
  const to = manifest.version
  if (to === from) throw new LinliError('UPDATE_SAME', `version ${to} runs already`, { kind: 'caller' })
  if (!layout.versions().includes(to)) {
    await checkRoom(layout.base, manifest)
    progress('backup')
    await deps.backup()
    progress('unpack')
    await bring(deps, file, to)
  }
  await tryOut(deps, from, to)
  progress('tidy')
  return { from, to, pruned: layout.prune(keep) }
}

/** The first version of a box: nothing runs yet that could be disturbed. */
export async function installFirst(deps: UpdateDeps, file: string): Promise<string> {
  const { layout, progress } = deps
  progress('check')
  const manifest = await inspect(file, deps.publisher)
  await checkRoom(layout.base, manifest)
  progress('unpack')
  await bring(deps, file, manifest.version)
  progress('switch')
  layout.turnTo(manifest.version)
  return manifest.version
}

/** @param to undefined: the version before */
export async function rollback(deps: UpdateDeps, to: string | undefined): Promise<{ from: string; to: string }> {
  const { layout } = deps
  settle(deps)
  const from = layout.current()
  const target = to ?? layout.previous()
  if (from === undefined || target === undefined || !layout.versions().includes(target)) {
    const there = layout.versions().join(', ') || 'none'
    throw new LinliError('ROLLBACK_NOTHING', `there is no version ${target ?? 'before this one'}; versions: ${there}`, {
      kind: 'caller',
    })
  }
  if (target === from) throw new LinliError('UPDATE_SAME', `version ${target} runs already`, { kind: 'caller' })
  await tryOut(deps, from, target)
  return { from, to: target }
}

/**
 * Gives up a trial that nobody leads any more.
 * @throws {LinliError} UPDATE_BUSY when somebody does
 */
export function settle({ layout, isAlive, boot }: Pick<UpdateDeps, 'layout' | 'isAlive' | 'boot'>): void {
  const trial = layout.trial()
  if (!trial) return
  if (trial.boot === boot && isAlive(trial.pid) && trial.pid !== process.pid)
    throw new LinliError('UPDATE_BUSY', `process ${trial.pid} is updating this box`, { kind: 'caller' })
  layout.turnTo(trial.from)
  layout.endTrial(undefined)
}

async function bring({ layout, prove, progress }: UpdateDeps, file: string, version: string): Promise<void> {
  const spare = layout.makeSpare(version)
  await unpack(file, spare)
  progress('prove')
  await prove(spare, version)
  layout.keepSpare(version)
}

async function tryOut(deps: UpdateDeps, from: string, to: string): Promise<void> {
  const { layout, progress } = deps
  progress('switch')
  layout.beginTrial(from, to)
  try {
    layout.turnTo(to)
    progress('restart')
    await deps.restart()
    progress('health')
    await deps.healthy()
  } catch (error) {
    if (!(error instanceof LinliError)) throw error
    layout.turnTo(from)
    layout.endTrial(undefined)
    await deps.restart()
    await deps.note('failed', from, to, reasonOf(error))
    const message = `version ${to} is not well (${reasonOf(error)}): ${from} runs again`
    throw new LinliError('UPDATE_ROLLED_BACK', message, { kind: 'fault', cause: error })
  }
  layout.endTrial(from)
  await deps.note('succeeded', from, to)
}
