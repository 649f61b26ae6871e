/** A small application whose sources a test changes while it runs. */

import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { atEnd } from './cleanup'
import { LivePage } from './live_page'
import { freePort, type ProcessOptions, ServerProcess } from './process'
import { tokenIn } from './site'
import { until } from './until'

const ROOT = join(__dirname, '..', '..')

export class Sources {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'loom-live-sources-')))

  constructor(files: Record<string, string>, type: 'module' | 'commonjs' = 'module') {
    atEnd(() => {
      rmSync(this.folder, { recursive: true, force: true })
    })
    mkdirSync(join(this.folder, 'node_modules'))
    for (const name of ['loom-live', 'vite', 'express'])
      symlinkSync(
        name === 'loom-live' ? ROOT : join(ROOT, 'node_modules', name),
        join(this.folder, 'node_modules', name),
      )
    this.write('package.json', JSON.stringify({ type }))
    for (const [name, text] of Object.entries(files)) this.write(name, text)
  }

  write(name: string, text: string): void {
    const file = join(this.folder, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }

  /** Runs a file of it as a server. */
  async start(script: string, { port, ...options }: ProcessOptions & { port?: number } = {}): Promise<ServerProcess> {
    const server = await ServerProcess.start(script, port ?? (await freePort()), { cwd: this.folder, ...options })
    // Who watches files has a child of its own, and ends that.
    atEnd(() => server.stop())
    return server
  }
}

/** A page of that server, with its first component. */
export async function livePageOf(server: ServerProcess, module = 'counter', path = '/'): Promise<LivePage> {
  const html = await (await fetch(server.url + path)).text()
  const [, socket = ''] = /data-l-ws="([^"]*)"/.exec(html) ?? []
  const url = (): string => server.url.replace('http', 'ws') + socket
  const page = new LivePage({ url, module, token: tokenIn(html) })
  atEnd(() => {
    page.end()
  })
  await until(`the page to be live; the server says: ${server.output}`, () => page.isLive)
  return page
}

/** Waits until a page shows this. */
export const showing = (page: LivePage, text: string, server: ServerProcess): Promise<unknown> =>
  until(`the page to show ${text}, and not ${page.text}; the server says: ${server.output}`, () => page.text === text)

/** The program: it listens, and is never loaded again itself. */
export const SERVER = `
import { createServer } from 'node:http'
import { loom } from './loom.mjs'
import { counter } from './counter.mjs'
const middleware = loom.express()
const server = createServer((request, response) => {
  middleware(request, response, async () => {
    const options = request.url === '/shared' ? { shared: 'all', request } : { request }
    response.setHeader('content-type', 'text/html')
    response.end('<!doctype html><title>x</title>' + (await loom.mount(counter, {}, options)) + loom.script())
  })
})
loom.attach(server)
server.listen(process.env.PORT, '127.0.0.1')
`

export const LOOM = `
import { createLoom } from 'loom-live'
export const loom = createLoom()
loom.watch()
`

export const COUNTER = `
import { html } from 'loom-live'
import { loom } from './loom.mjs'
import { word } from './words.mjs'
export const counter = loom.register('counter', {
  props: { count: 0 },
  handle: { add: ({ count }) => ({ count: count + 1 }) },
  render: ({ count }) => html\`<b>\${word} \${count}</b>\`,
})
`
