import type { CommandView } from './verbs.js';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** A completion file: verbs, their options, and the names of bundles and profiles as they are when a key is pressed. */
export function completionScript(shell: Shell, verbs: readonly CommandView[]): string {
  switch (shell) {
    case 'bash':
      return bash(verbs);
    case 'zsh':
      return zsh(verbs);
    case 'fish':
      return fish(verbs);
  }
}

type Source = 'bundles' | 'profiles' | 'files' | 'none';

/** Where the first argument's candidates come from. */
function sourceOf(verb: CommandView): Source {
  const first = verb.args[0];
  if (first === undefined) return 'none';
  if (first.name === 'profile' || verb.id === 'profile compile') return 'profiles';
  if (first.name === 'file') return 'files';
  return first.name === 'name' ? 'bundles' : 'none';
}

function words(verb: CommandView): string[] {
  return [...verb.flags.map((flag) => `--${flag.name}`), '--help', ...(verb.args[0]?.options ?? [])];
}

/** The first words, and for each topic its second words. */
function levels(verbs: readonly CommandView[]): {
  readonly first: string[];
  readonly topics: Map<string, string[]>;
} {
  const topics = new Map<string, string[]>();
  for (const { id } of verbs) {
    const [topic = '', sub] = id.split(' ');
    if (sub !== undefined) topics.set(topic, [...(topics.get(topic) ?? []), sub]);
  }
  return { first: [...new Set(verbs.map((verb) => verb.id.split(' ')[0] ?? ''))], topics };
}

// Bundles and profiles are folders and files: listing them needs no Node, which a key press would have to wait for.
const LISTS = `_vxe_bundles() {
  local folder=\${VXE_BUNDLES:-}
  if [ -z "$folder" ]; then
    if [ "$(id -u)" = 0 ]; then folder=/var/lib/vxe/bundles; else folder=\${XDG_DATA_HOME:-$HOME/.local/share}/vxe/bundles; fi
  fi
  [ -d "$folder" ] && command ls -1 "$folder" 2>/dev/null
}
_vxe_profiles() {
  local file
  for file in ./*.vxed.yaml ./*.vxed ./*.acl /etc/vxe/profiles/*.vxed.yaml /etc/vxe/profiles/*.vxed /etc/vxe/profiles/*.acl; do
    [ -e "$file" ] || continue
    file=\${file##*/}
    file=\${file%.yaml}
    file=\${file%.acl}
    printf '%s\\n' "\${file%.vxed}"
  done
}
`;

const CANDIDATES: Record<Source, string> = {
  bundles: '$(_vxe_bundles)',
  profiles: '$(_vxe_profiles)',
  files: '',
  none: '',
};

function bash(verbs: readonly CommandView[]): string {
  const { first, topics } = levels(verbs);
  const cases = verbs.map((verb) => {
    const files = sourceOf(verb) === 'files' ? '\n      COMPREPLY+=($(compgen -f -- "$current"))' : '';
    return `    '${verb.id}')\n      COMPREPLY=($(compgen -W "${words(verb).join(' ')} ${CANDIDATES[sourceOf(verb)]}" -- "$current"))${files} ;;`;
  });
  const subs = [...topics].map(
    ([topic, names]) =>
      `    ${topic}) COMPREPLY=($(compgen -W "${names.join(' ')}" -- "$current")); return ;;`,
  );
  return `# bash completion of vxe
${LISTS}_vxe() {
  local current=\${COMP_WORDS[COMP_CWORD]} verb=\${COMP_WORDS[1]:-}
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${first.join(' ')} --help --version" -- "$current"))
    return
  fi
  if [ "$COMP_CWORD" -eq 2 ]; then
    case $verb in
${subs.join('\n')}
    esac
  fi
  case $verb in ${[...topics.keys()].join('|')}) verb="$verb \${COMP_WORDS[2]:-}" ;; esac
  case $verb in
${cases.join('\n')}
  esac
}
complete -F _vxe vxe
`;
}

function quoted(text: string): string {
  return text.replaceAll("'", "'\\''");
}

function zsh(verbs: readonly CommandView[]): string {
  const { topics } = levels(verbs);
  const described = new Map(
    verbs.filter((verb) => !verb.id.includes(' ')).map((verb) => [verb.id, verb.summary]),
  );
  for (const topic of topics.keys())
    described.set(topic, `${topic}: ${(topics.get(topic) ?? []).join(', ')}`);
  const entry = (name: string, summary: string): string =>
    `'${name}:${quoted(summary.replaceAll(':', ' -'))}'`;
  const subs = [...topics].map(([topic, names]) => {
    const items = names.map((name) =>
      entry(name, verbs.find((verb) => verb.id === `${topic} ${name}`)?.summary ?? ''),
    );
    return `    ${topic}) local -a second=(${items.join(' ')}); _describe verb second; return ;;`;
  });
  const option = (verb: CommandView): string[] =>
    verb.flags.map(
      (flag) =>
        `'${flag.repeatable ? '*' : ''}--${flag.name}[${quoted(flag.summary.replaceAll(/[[\]:]/g, ' '))}]${flag.value === undefined ? '' : `:${quoted(flag.value.replaceAll(/[[\]:]/g, ' '))}:_files`}'`,
    );
  const first: Record<Source, string> = {
    bundles: `'1:bundle:{local -a names=(\${(f)"$(_vxe_bundles)"}); compadd -a names}'`,
    profiles: `'1:profile:{local -a names=(\${(f)"$(_vxe_profiles)"}); compadd -a names}'`,
    files: "'1:file:_files'",
    none: '',
  };
  const cases = verbs.map((verb) => {
    const choice = verb.args[0]?.options ?? [];
    const argument =
      choice.length > 0 ? `'1:${verb.args[0]?.name}:(${choice.join(' ')})'` : first[sourceOf(verb)];
    return `    '${verb.id}') _arguments ${[...option(verb), "'--help[show help]'", argument, "'*:file:_files'"].filter((each) => each !== '').join(' ')} ;;`;
  });
  return `#compdef vxe
# zsh completion of vxe
${LISTS}_vxe() {
  local verb=\${words[2]}
  if (( CURRENT == 2 )); then
    local -a first=(${[...described].map(([name, summary]) => entry(name, summary)).join(' ')})
    _describe verb first
    return
  fi
  if (( CURRENT == 3 )); then
    case $verb in
${subs.join('\n')}
    esac
  fi
  shift words; (( CURRENT-- ))
  case $verb in
    ${[...topics.keys()].join('|')}) verb="$verb \${words[2]}"; shift words; (( CURRENT-- )) ;;
  esac
  case $verb in
${cases.join('\n')}
  esac
}
_vxe "$@"
`;
}

function fish(verbs: readonly CommandView[]): string {
  const { topics } = levels(verbs);
  const lines: string[] = [];
  for (const verb of verbs) {
    const [first = '', second] = verb.id.split(' ');
    if (second === undefined)
      lines.push(`complete -c vxe -n __fish_use_subcommand -f -a ${first} -d '${fishQuoted(verb.summary)}'`);
    else
      lines.push(
        `complete -c vxe -n '__vxe_topic ${first}' -f -a ${second} -d '${fishQuoted(verb.summary)}'`,
      );
    const when =
      second === undefined ? `__fish_seen_subcommand_from ${first}` : `__vxe_verb ${first} ${second}`;
    for (const flag of verb.flags) {
      lines.push(
        `complete -c vxe -n '${when}' -l ${flag.name}${flag.value === undefined ? '' : ' -r'} -d '${fishQuoted(flag.summary)}'`,
      );
    }
    const choice = verb.args[0]?.options ?? [];
    if (choice.length > 0) lines.push(`complete -c vxe -n '${when}' -f -a '${choice.join(' ')}'`);
    const source = sourceOf(verb);
    if (source === 'bundles' || source === 'profiles')
      lines.push(`complete -c vxe -n '${when}' -f -a '(__vxe_${source})'`);
  }
  for (const topic of topics.keys())
    lines.push(
      `complete -c vxe -n __fish_use_subcommand -f -a ${topic} -d '${(topics.get(topic) ?? []).join(', ')}'`,
    );
  return `# fish completion of vxe
function __vxe_bundles
    set -l folder $VXE_BUNDLES
    if test -z "$folder"
        if test (id -u) = 0
            set folder /var/lib/vxe/bundles
        else if set -q XDG_DATA_HOME
            set folder $XDG_DATA_HOME/vxe/bundles
        else
            set folder $HOME/.local/share/vxe/bundles
        end
    end
    test -d "$folder"; and command ls -1 "$folder"
end
function __vxe_profiles
    for file in ./*.vxed.yaml ./*.vxed ./*.acl /etc/vxe/profiles/*.vxed.yaml /etc/vxe/profiles/*.vxed /etc/vxe/profiles/*.acl
        string replace -r '.*/(.*)\\.(vxed(\\.yaml)?|acl)$' '$1' $file
    end
end
function __vxe_topic
    set -l tokens (commandline -opc)
    test (count $tokens) -eq 2; and test "$tokens[2]" = $argv[1]
end
function __vxe_verb
    set -l tokens (commandline -opc)
    test (count $tokens) -ge 3; and test "$tokens[2]" = $argv[1]; and test "$tokens[3]" = $argv[2]
end
${lines.join('\n')}
`;
}

function fishQuoted(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
}
