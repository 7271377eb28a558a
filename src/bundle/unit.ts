/** What a systemd unit says of how its program is started, as far as a recipe can say it too. */
export interface ServiceUnit {
  /** The program and its arguments; undefined where they hold what only systemd can fill in. */
  readonly exec: readonly string[] | undefined;
  readonly kind: 'simple' | 'forking';
  readonly user: string | undefined;
  readonly group: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** Folders in memory: RuntimeDirectory, and where a PIDFile would be. */
  readonly runtime: readonly string[];
  /** Folders that stay: StateDirectory, CacheDirectory, LogsDirectory, and what it may write to besides. */
  readonly state: readonly string[];
}

const STATE_ROOTS = { StateDirectory: '/var/lib', CacheDirectory: '/var/cache', LogsDirectory: '/var/log' };

/** Reads the [Service] section of a unit; undefined where it has none that starts a program. */
export function readServiceUnit(text: string): ServiceUnit | undefined {
  const settings = serviceSettings(text);
  const last = (key: string): string | undefined => settings.get(key)?.at(-1);
  const words = (key: string): string[] => (settings.get(key) ?? []).flatMap(splitWords);
  const start = last('ExecStart');
  if (start === undefined) return undefined;
  const exec = splitWords(start.replace(/^[-@:+!|]+/, ''));
  const user = last('User');
  const writable = [...words('ReadWritePaths'), ...words('ReadWriteDirectories')].map((path) =>
    path.replace(/^[-+]+/, ''),
  );
  const pidFolder = last('PIDFile')
    ?.replace(/^\/var\/run\//, '/run/')
    .replace(/\/[^/]*$/, '');
  return {
    exec: exec.some((word) => /[$%]/.test(word)) || exec[0]?.startsWith('/') !== true ? undefined : exec,
    kind: last('Type') === 'forking' ? 'forking' : 'simple',
    user: user === 'root' || user === '' ? undefined : user,
    group: last('Group') || undefined,
    env: Object.fromEntries(
      words('Environment').flatMap((word) => {
        const at = word.indexOf('=');
        return at > 0 ? [[word.slice(0, at), word.slice(at + 1)]] : [];
      }),
    ),
    runtime: unique([
      ...words('RuntimeDirectory').map((name) => `/run/${name}`),
      ...(pidFolder?.startsWith('/run') === true ? [pidFolder] : []),
    ]),
    state: unique([
      ...Object.entries(STATE_ROOTS).flatMap(([key, root]) =>
        words(key).map((name) => `${root}/${name.split(':')[0]}`),
      ),
      ...writable.filter((path) => /^\/var\/(lib|cache|log|spool)\/[^/]/.test(path)),
    ]),
  };
}

/** Key to values of [Service], lines that end in a backslash joined; an empty value takes the earlier ones back. */
function serviceSettings(text: string): ReadonlyMap<string, readonly string[]> {
  const settings = new Map<string, string[]>();
  let section = '';
  for (const line of text.replace(/\\\n/g, ' ').split('\n')) {
    const header = /^\[(.+)\]\s*$/.exec(line.trim());
    if (header?.[1] !== undefined) section = header[1];
    const [, key, value] = /^\s*([A-Za-z]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (section !== 'Service' || key === undefined || value === undefined) continue;
    settings.set(key, value === '' ? [] : [...(settings.get(key) ?? []), value]);
  }
  return settings;
}

/** Words as systemd splits them: at spaces, but not in quotes. */
function splitWords(text: string): string[] {
  return [...text.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)].map(([word]) =>
    word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'),
  );
}

function unique(paths: readonly string[]): string[] {
  return [...new Set(paths)].sort();
}
