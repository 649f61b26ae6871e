/** Configurations as the documents have them, and the programs that read them. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { get as httpGet } from 'node:http'
import { get as httpsGet } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { atEnd } from '../support/cleanup'
import { passOver, TESTS_ALL } from '../support/passed_over'
import { until, within } from '../support/until'
import { ROOT } from './installed'

/** A document's blocks of code. */
export class Document {
  readonly text: string

  constructor(readonly file: string) {
    this.text = readFileSync(join(ROOT, file), 'utf8')
  }

  /** The first block of code after this text. */
  blockAfter(text: string): string {
    const after = this.text.slice(this.text.indexOf(text))
    const block = this.text.includes(text) && /\n\n((?: {4}.*\n|\n(?= {4}))+)/.exec(after)?.[1]
    if (!block) throw new Error(`${this.file} has no code after ${JSON.stringify(text)}`)
    return block.replaceAll(/^ {4}/gm, '')
  }

  /** What matches; nothing is an error. */
  found(pattern: RegExp): string {
    const [found] = pattern.exec(this.text) ?? []
    if (found === undefined) throw new Error(`${this.file} has nothing like ${String(pattern)}`)
    return found
  }
}

/** Replaces what has to be other here than in the document. What is not there is an error. */
export function put(text: string, replacements: Record<string, string>): string {
  for (const [from, to] of Object.entries(replacements)) {
    if (!text.includes(from)) throw new Error(`${JSON.stringify(from)} is not in ${text}`)
    text = text.replaceAll(from, to)
  }
  return text
}

/** How the documents have a process end. */
export const ENDING = new Document('docs/deploy.md').found(/^for \(const signal of [^]*?^\}\)\n/m)

/** A folder with an application's files, in which the package is installed. */
export function applicationFolder(files: Record<string, string>, packages: readonly string[] = []): string {
  const folder = mkdtempSync(join(tmpdir(), 'loom-deployed-'))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(ROOT, join(folder, 'node_modules/loom-live'))
  for (const name of packages) symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name))
  for (const [name, text] of Object.entries({ 'package.json': '{ "type": "module" }', ...files }))
    writeFileSync(join(folder, name), text)
  return folder
}

export const removeFolder = (folder: string): void => rmSync(folder, { recursive: true, force: true })

/** The path of a program; empty if it is not on the machine. */
export function programNamed(name: string): string {
  // Debian has servers where only root's path looks.
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` }
  return spawnSync('sh', ['-c', `command -v ${name}`], { env, encoding: 'utf8' }).stdout.trim()
}

/** A test that needs a program. It is passed over if the program is not on the machine. */
export function withProgram(
  title: string,
  { name, debian, file }: { name: string; debian: string; file: string },
  body: (program: string) => Promise<void>,
): void {
  const program = programNamed(name)
  if (program === '' && !TESTS_ALL) {
    passOver(`What ${file} says of ${name} was not tried`, debian)
    test.skip(title, () => undefined)
    return
  }
  test(title, () => body(program), 120_000)
}

/** Runs a proxy until the test is over, and waits until the application answers through it. */
export async function runProxy(program: string, parameters: string[], folder: string, url: string): Promise<void> {
  const child: ChildProcess = spawn(program, parameters, {
    stdio: ['ignore', 'ignore', 'pipe'],
    // Caddy keeps what it keeps in here.
    env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
  })
  let errors = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const exited = new Promise((resolve) => child.on('close', resolve))
  atEnd(async () => {
    child.kill('SIGTERM')
    await within('the proxy to end', exited)
  })
  await until('the application to answer through the proxy', async () => {
    if (child.exitCode !== null) throw new Error(`${program} has ended: ${errors}`)
    return answers(`${url}/ready`)
  })
}

/** Whether this address answers with 200; nobody asks whose certificate it is. */
function answers(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const get = url.startsWith('https:') ? httpsGet : httpGet
    get(url, { agent: false, rejectUnauthorized: false } as object, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    }).on('error', () => resolve(false))
  })
}

/** nginx with these servers. */
export async function runNginx(program: string, servers: string, folder: string, url: string): Promise<void> {
  const kept = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder};`)
  const file = join(folder, 'nginx.conf')
  writeFileSync(
    file,
    // As root, too, nginx is to find its files.
    `${process.getuid?.() === 0 ? 'user root;' : ''} daemon off; pid ${folder}/nginx.pid; events {}\n` +
      `http { access_log off; ${kept.join(' ')}\n${servers} }`,
  )
  await runProxy(program, ['-c', file, '-e', 'stderr', '-p', folder], folder, url)
}

/** Caddy with these sites. */
export async function runCaddy(program: string, sites: string, folder: string, url: string): Promise<void> {
  const file = join(folder, 'Caddyfile')
  writeFileSync(file, `{\n  admin off\n  auto_https disable_redirects\n}\n${sites}`)
  await runProxy(program, ['run', '--config', file, '--adapter', 'caddyfile'], folder, url)
}

/** What the program of docs/deploy.md has beside this package. */
export const PACKAGES = ['express', 'helmet', 'compression', 'express-rate-limit']

/** The program of docs/deploy.md. */
export const PROGRAM = new Document('docs/deploy.md').found(/^```js\n[^]*?^```$/m).replace(/^```\w*\n?/gm, '')
