import programs from './programs.json' with { type: 'json' }

/**
 * The programs behind the subcommands and the Node flags they run with (programs.json, which linli.js reads too).
 * A small young generation (MB) keeps a busy hub 60 MB smaller at no measurable cost of speed.
 */
export function flagsOf(entry: string): string[] {
  return Object.values(programs).find((program) => program.entry === entry)?.flags ?? []
}
