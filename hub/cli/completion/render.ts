import type { Node } from './tree.ts'

/** The tree of commands as a program of a shell. */

export const SHELLS = { bash, zsh, fish } as const

/** Every command by the words that lead to it, ` device add`. */
function paths(nodes: readonly Node[], above = ''): Array<{ path: string; node: Node }> {
  return nodes.flatMap((node) => {
    const path = `${above} ${node.name}`
    return [{ path, node }, ...paths(node.children, path)]
  })
}

function bash(tree: readonly Node[]): string {
  const all = paths(tree)
  const known = all.map(({ path }) => `'${path}'`).join('|')
  const fileFlags = all.flatMap(({ path, node }) =>
    node.options.filter(({ takes }) => takes === 'file').map(({ flag }) => `'${path} ${flag}'`),
  )
  const valueFlags = all.flatMap(({ path, node }) =>
    node.options.filter(({ takes }) => takes === 'value').map(({ flag }) => `'${path} ${flag}'`),
  )
  const offered = all.map(({ path, node }) => `    '${path}') words='${wordsOf(node).join(' ')}' ;;`)
  return `# linli completion bash > /etc/bash_completion.d/linli
_linli() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} at='' words='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
      ${known}) at="$at \${COMP_WORDS[i]}" ;;
    esac
  done
  COMPREPLY=()
  case "$at $prev" in
    ${fileFlags.join('|')}) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    ${valueFlags.join('|')}) return ;;
  esac
  case "$at" in
    '') words='${tree.map(({ name }) => name).join(' ')} --help --version' ;;
${offered.join('\n')}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o filenames -F _linli linli
`
}

/** zsh runs functions of bash. In a folder of `fpath` the file itself is the function of the first completion. */
function zsh(tree: readonly Node[]): string {
  const inZsh = bash(tree)
    .split('\n')
    .slice(1)
    .join('\n')
    .replaceAll(/mapfile -t COMPREPLY < <\((.*)\)/g, 'COMPREPLY=($($1))')
    .replace('_linli() {', '_linli_words() {')
    .replace('-F _linli ', '-F _linli_words ')
  return `#compdef linli
# linli completion zsh > /usr/local/share/zsh/site-functions/_linli, or: source <(linli completion zsh)
autoload -U +X bashcompinit && bashcompinit
${inZsh}if [[ $funcstack[1] = _linli ]]; then _bash_complete -o filenames -F _linli_words; fi
`
}

function fish(tree: readonly Node[]): string {
  const all = paths(tree)
  const text = (value: string) => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'").split('\n')[0]}'`
  const offered = [{ path: '', node: { children: tree, options: [], choices: [] } }, ...all].flatMap(
    ({ path, node }) => [
      ...node.children.map(
        (child) => `complete -c linli -f -n "__linli_at '${path}'" -a ${child.name} -d ${text(child.description)}`,
      ),
      ...node.choices.map((choice) => `complete -c linli -f -n "__linli_at '${path}'" -a ${choice}`),
      ...node.options.map(
        ({ flag, takes }) =>
          `complete -c linli ${takes === 'file' ? '-F -r' : takes ? '-f -r' : '-f'} -n "__linli_at '${path}'" -l ${flag.slice(2)}`,
      ),
    ],
  )
  return `# linli completion fish > ~/.config/fish/completions/linli.fish
function __linli_at
  set -l at ''
  for word in (commandline -opc)[2..-1]
    switch "$at $word"
      case ${all.map(({ path }) => `'${path}'`).join(' ')}
        set at "$at $word"
    end
  end
  test "$at" = "$argv[1]"
end
${offered.join('\n')}
`
}

function wordsOf(node: Node): string[] {
  return [...node.children.map(({ name }) => name), ...node.choices, ...node.options.map(({ flag }) => flag)]
}
