// The manual pages, made from docs/reference/*.md, so that there is one text to keep true.
//   node scripts/man.mjs OUTPUT-FOLDER
// A page is a file whose first line is `<!-- man: NAME SECTION -->`, followed by `# title` and one sentence for NAME.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const source = 'docs/reference';
const version = JSON.parse(readFileSync('package.json', 'utf8')).version;
const manuals = { 1: 'VXE commands', 5: 'VXE file formats', 8: 'VXE administration' };

/** Text for roff: backslashes and hyphens are theirs, and a line must not start like a request. */
function quote(text) {
  return text.replace(/\\/g, '\\e').replace(/-/g, '\\-').replace(/~/g, '\\(ti').replace(/\^/g, '\\(ha');
}

function guard(line) {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}

/** Inline marks: code and strong in bold, emphasis in italics, links by their text alone. */
function inline(text) {
  const parts = text
    .replace(/\[([^\]]+)\]\([^)]+\)/g, '$1')
    .split(/(`[^`]+`|\*\*[^*]+\*\*|\*[^*\s][^*]*\*)/)
    .map((part) => {
      if (/^`.+`$/.test(part)) return `\\fB${quote(part.slice(1, -1))}\\fR`;
      if (/^\*\*.+\*\*$/.test(part)) return `\\fB${quote(part.slice(2, -2))}\\fR`;
      if (/^\*.+\*$/.test(part)) return `\\fI${quote(part.slice(1, -1))}\\fR`;
      return quote(part);
    });
  return guard(parts.join(''));
}

function cells(row) {
  return row
    .replace(/\\\|/g, '\u0000')
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('\u0000', '|'));
}

/** Blocks of the Markdown that the reference uses: headings, paragraphs, lists, fenced code and tables. */
function blocks(lines) {
  const out = [];
  let index = 0;
  const until = (stop) => {
    const taken = [];
    while (index < lines.length && !stop(lines[index])) taken.push(lines[index++]);
    return taken;
  };
  while (index < lines.length) {
    const line = lines[index];
    if (line.trim() === '') index += 1;
    else if (line.startsWith('```')) {
      index += 1;
      out.push({ kind: 'code', lines: until((l) => l.startsWith('```')) });
      index += 1;
    } else if (/^#{2,3} /.test(line)) {
      out.push({ kind: line.startsWith('###') ? 'subsection' : 'section', text: line.replace(/^#+ /, '') });
      index += 1;
    } else if (line.startsWith('|')) {
      const rows = until((l) => !l.startsWith('|')).map(cells);
      out.push({ kind: 'table', rows: rows.slice(2) });
    } else if (line.startsWith('- ')) {
      const item = [lines[index++].slice(2), ...until((l) => !/^ {2,}\S/.test(l)).map((l) => l.trim())];
      out.push({ kind: 'item', text: item.join(' ') });
    } else {
      out.push({
        kind: 'paragraph',
        text: until((l) => l.trim() === '' || /^(#|```|\||- )/.test(l)).join(' '),
      });
    }
  }
  return out;
}

function render(block) {
  switch (block.kind) {
    case 'section':
      return [`.SH "${quote(block.text.toUpperCase())}"`];
    case 'subsection':
      return [`.SS "${quote(block.text.replaceAll('`', ''))}"`];
    case 'code':
      return ['.PP', '.RS 4', '.nf', ...block.lines.map((line) => guard(quote(line))), '.fi', '.RE'];
    case 'table':
      return block.rows.flatMap(([first = '', ...rest]) => [
        '.TP',
        inline(first),
        inline(rest.filter(Boolean).join('; ')),
      ]);
    case 'item':
      return ['.IP \\(bu 2', inline(block.text)];
    default:
      return ['.PP', inline(block.text)];
  }
}

function page(text) {
  const lines = text.split('\n');
  const head = /^<!-- man: (\S+) (\d) -->$/.exec(lines[0] ?? '');
  if (!head) return null;
  const [, name, section] = head;
  const title = lines.findIndex((line) => line.startsWith('# '));
  const rest = blocks(lines.slice(title + 1));
  const [summary, ...body] = rest;
  if (summary?.kind !== 'paragraph') throw new Error(`${name}: the title must be followed by one sentence`);
  const roff = [
    `.TH "${name.toUpperCase().replace(/-/g, '\\-')}" "${section}" "" "VXE ${version}" "${manuals[section]}"`,
    '.SH NAME',
    `${quote(name)} \\- ${inline(summary.text.replace(/\.$/, '').replace(/^[A-Z]/, (letter) => letter.toLowerCase()))}`,
    ...body.flatMap(render),
  ];
  return { file: `${name}.${section}`, roff: `${roff.join('\n')}\n` };
}

function main(folder) {
  if (!folder) {
    console.error('man: name the folder to write to');
    return 2;
  }
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(source).sort()) {
    const made = name.endsWith('.md') ? page(readFileSync(join(source, name), 'utf8')) : null;
    if (made) writeFileSync(join(folder, made.file), made.roff);
  }
  return 0;
}

process.exitCode = main(process.argv[2]);
