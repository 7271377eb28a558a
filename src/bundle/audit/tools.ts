import { posix } from 'node:path';

export type ToolClass =
  | 'shell'
  | 'editor'
  | 'interpreter'
  | 'copy tool'
  | 'transfer tool'
  | 'download tool'
  | 'debugging tool'
  | 'compiler'
  | 'multi-call program';

// What an intruder looks for first. Names as Debian has them; a version number at the end does not hide a tool.
const NAMES: Record<ToolClass, string> = {
  shell:
    'sh bash rbash dash ash zsh ksh ksh93 mksh lksh pdksh posh yash fish csh tcsh rc es elvish nu xonsh sash oksh loksh login su sudo doas screen tmux expect script chroot env xargs nohup setsid timeout start-stop-daemon',
  editor:
    'vi vim vim.basic vim.tiny view ex nvim nano pico rnano emacs ed red joe jed mcedit mc ne micro kak helix hx sed awk gawk mawk original-awk nawk patch',
  interpreter:
    'python pypy perl ruby irb node nodejs deno bun lua luajit php php-cgi tclsh wish guile guild java jshell racket gst ghci runghc escript erl elixir iex ocaml scheme sbcl clisp gforth bc dc m4 jq groovy scala R Rscript julia octave swipl qjs gjs js mono dotnet pwsh',
  'copy tool':
    'cp mv dd install cat tac tee ln link rsync tar bsdtar star cpio pax ar zip unzip 7z 7za gzip gunzip zcat bzip2 xz zstd base64 base32 xxd od hexdump head tail split shred truncate touch mkdir mknod mkfifo chmod chown chattr setfacl ginstall find',
  'transfer tool':
    'scp sftp ssh ftp lftp ncftp tftp telnet nc nc.openbsd nc.traditional netcat ncat socat rsh rcp rlogin uucp openssl gnutls-cli stunnel stunnel4 smbclient mount.cifs dig nslookup host',
  'download tool':
    'wget wget2 curl aria2c axel fetch lynx links links2 elinks w3m git svn hg apt apt-get dpkg dpkg-deb rpm pip pip3 npm gem cargo snap flatpak',
  'debugging tool':
    'gdb gdbserver lldb strace ltrace perf bpftool bpftrace valgrind objdump readelf nm strings tcpdump tshark dumpcap nmap gcore pstack eu-stack lsof fuser nsenter unshare setpriv capsh',
  compiler:
    'gcc g++ c++ cc c89 c99 clang clang++ tcc ld ld.bfd ld.gold ld.lld lld gold mold as cpp cc1 make gmake go gofmt rustc gfortran gnat ghc javac nasm yasm llc ldc2 dmd zig',
  'multi-call program': 'busybox toybox coreutils sbase-box ubase-box busybox-static',
};

const BY_NAME = new Map<string, ToolClass>();
for (const [kind, names] of Object.entries(NAMES))
  for (const name of names.split(' ')) BY_NAME.set(name, kind as ToolClass);

/** Which kind of tool a file's name promises; `python3.11`, `gcc-12` and `x86_64-linux-gnu-gcc-12` are seen through. */
export function toolByName(path: string): ToolClass | undefined {
  const name = posix.basename(path);
  const bare = name.replace(/^(x86_64|aarch64|riscv64|i686|arm[a-z0-9]*)-linux-[a-z0-9]+-/, '');
  return (
    BY_NAME.get(name) ?? BY_NAME.get(bare) ?? BY_NAME.get(bare.replace(/-?[0-9]+(\.[0-9]+)*[a-z]?$/, ''))
  );
}

const INTERPRETER_LIBRARY =
  /^lib(python|perl|ruby|lua|luajit|node|php|tcl|guile|mozjs|v8|jvm|mono|julia|R|quickjs)[-0-9._a-z]*\.so/;

/** A library that is an interpreter in another form. */
export function interpreterLibrary(path: string): boolean {
  return INTERPRETER_LIBRARY.test(posix.basename(path));
}

interface Signature {
  readonly kind: ToolClass;
  readonly what: string;
  /** All of these texts stand in the file. */
  readonly texts: readonly string[];
}

// What a tool cannot lose by being renamed. Each was chosen so that no ordinary library holds all of its texts.
const SIGNATURES: readonly Signature[] = [
  { kind: 'multi-call program', what: 'BusyBox', texts: ['BusyBox v', 'applet not found'] },
  { kind: 'multi-call program', what: 'BusyBox', texts: ['BusyBox is a multi-call binary'] },
  { kind: 'multi-call program', what: 'Toybox', texts: ['toybox', 'Unknown command %s'] },
  {
    kind: 'multi-call program',
    what: 'coreutils in one file',
    texts: ['coreutils-prog', 'Built-in programs'],
  },
  { kind: 'shell', what: 'a shell', texts: ['bad substitution', 'OPTIND'] },
  { kind: 'shell', what: 'a shell', texts: ['Bad substitution', 'OPTIND'] },
  { kind: 'interpreter', what: 'Python', texts: ['Py_BytesMain'] },
  { kind: 'interpreter', what: 'Python', texts: ['Py_RunMain'] },
  { kind: 'interpreter', what: 'Perl', texts: ['perl_construct', 'perl_parse'] },
  { kind: 'interpreter', what: 'Ruby', texts: ['ruby_sysinit'] },
  { kind: 'interpreter', what: 'Lua', texts: ['luaL_openlibs'] },
  { kind: 'interpreter', what: 'Tcl', texts: ['Tcl_CreateInterp'] },
  { kind: 'interpreter', what: 'PHP', texts: ['zend_execute_scripts'] },
  { kind: 'interpreter', what: 'a JavaScript engine', texts: ['NODE_OPTIONS', 'v8::'] },
  { kind: 'interpreter', what: 'awk', texts: ['ENVIRON', 'SUBSEP', 'FNR'] },
];

/** Which tool a file's content gives away. */
export function toolByContent(
  content: Buffer,
): { readonly kind: ToolClass; readonly what: string } | undefined {
  return SIGNATURES.find((each) => each.texts.every((text) => content.includes(text, 0, 'latin1')));
}

/** Every known name, for comparing with the host's own tools. */
export function toolNames(): IterableIterator<[string, ToolClass]> {
  return BY_NAME.entries();
}
