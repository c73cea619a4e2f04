import programs from './programs.json' with { type: 'json' }

/**
 * The programs behind the subcommands and what Node runs them with (programs.json, which linli.js reads too).
 * A small young generation (MB) keeps a busy hub 60 MB smaller at no measurable cost of speed. glibc would keep a heap for
 * each of a dozen threads: two do. With `--expose-gc` memory is given back at rest (hub/at-rest).
 */
export function flagsOf(entry: string): string[] {
  return Object.values(programs).find((program) => program.entry === entry)?.flags ?? []
}

export function environmentOf(entry: string): Record<string, string> {
  const program = Object.values(programs).find((one) => one.entry === entry)
  return program !== undefined && 'environment' in program ? program.environment : {}
}
