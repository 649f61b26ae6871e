// Makes the site of docs/, with the API reference from index.d.ts.
//
//     npm run docs                      shows it, and shows what is changed in docs/ meanwhile
//     npm run docs -- build [folder]    builds it (site/.vitepress/dist); fails at a dead link

import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ELSEWHERE, importedAs } from '../site/.vitepress/pages.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const site = join(root, 'site')
const pages = join(site, 'pages')

/** Each page: its file in the repository, and its name in the site. */
function sources() {
  const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))
  const elsewhere = Object.entries(ELSEWHERE).filter(([file]) => existsSync(join(root, file)))
  return new Map([...docs.map((name) => [`docs/${name}`, name]), ...elsewhere, ['site/index.md', 'index.md']])
}

/**
 * A page's text as the site has it. Links are those of the repository. A link to another page leads to that page; a
 * link to a file that is no page becomes plain text, since the site has no such file. A link to a missing file stays as
 * it is, and the build fails at it.
 */
export function pageOf(text, file, names) {
  // A frame, or a file's name, is for the test that runs the block.
  const prose = text.replace(/^<!-- (?:frame|file): .* -->\n/gm, '').replaceAll('](../docs/pictures/', '](./pictures/')
  return prose.replace(
    /(?<!!)\[((?:[^\][\n]|\[[^\]\n]*\])+)\]\(([^)\s#]+)(#[^)\s]*)?\)/g,
    (link, label, to, hash = '') => {
      if (/^[a-z]+:|^\//.test(to)) return link
      const target = posix.normalize(posix.join(posix.dirname(file), to)).replace(/\/$/, '')
      if (names.has(target)) return `[${label}](./${names.get(target)}${hash})`
      // The README is the site's first page.
      if (target === 'README.md') return `[${label}](./index.md)`
      return existsSync(join(root, target)) && !target.startsWith('docs/') ? label : link
    },
  )
}

function stage(names, file) {
  writeFileSync(join(pages, names.get(file)), pageOf(readFileSync(join(root, file), 'utf8'), file, names))
}

function stageAll() {
  rmSync(pages, { recursive: true, force: true })
  const pictures = join(root, 'docs', 'pictures')
  mkdirSync(join(pages, 'pictures'), { recursive: true })
  const names = sources()
  for (const file of names.keys()) stage(names, file)
  for (const name of existsSync(pictures) ? readdirSync(pictures) : [])
    copyFileSync(join(pictures, name), join(pages, 'pictures', name))
}

/** The file that a package runs as a command. */
function binary(name) {
  const folder = join(root, 'node_modules', name)
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return join(folder, typeof bin === 'string' ? bin : bin[name])
}

function run(name, ...args) {
  const { status } = spawnSync(process.execPath, [binary(name), ...args], { cwd: site, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

/** The reference names its modules by their files; people know them by the names that they import. */
function nameModules() {
  const index = join(pages, 'api', 'index.md')
  const named = readFileSync(index, 'utf8').replace(
    /\[([\w-]+)\]\(([\w-]+)\/index\.md\)/g,
    (_, name, path) => `[${importedAs(name)}](${path}/index.md)`,
  )
  writeFileSync(index, named)
  for (const folder of readdirSync(join(pages, 'api'), { withFileTypes: true })) {
    if (!folder.isDirectory()) continue
    const file = join(pages, 'api', folder.name, 'index.md')
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^# .*$/m, `# ${importedAs(folder.name)}`))
  }
}

function main([command = 'show', folder]) {
  stageAll()
  run('typedoc', '--options', 'typedoc.json', '--logLevel', 'Warn')
  nameModules()
  if (command === 'build') return run('vitepress', 'build', '.', ...(folder ? ['--outDir', folder] : []))
  watch(join(root, 'docs'), (_, name) => {
    const names = sources()
    const file = `docs/${name}`
    if (names.has(file)) stage(names, file)
  })
  const shown = spawn(process.execPath, [binary('vitepress'), 'dev', '.'], { cwd: site, stdio: 'inherit' })
  shown.on('exit', (code) => process.exit(code ?? 0))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2))
