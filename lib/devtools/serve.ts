import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Loom, RegisteredModule } from '../../index'
import { textOf } from '../errors'
import { isLocal } from './local'
import { type DevtoolsHost, devtoolsModule, type DevtoolsProps } from './module'
import { SCRIPT, STYLE } from './texts'

const TYPES = { html: 'text/html', css: 'text/css', js: 'text/javascript' } as const

/**
 * The page of devtools. It has a loom of its own, so that its own components are not among those that it shows, and so
 * that the slow network that it simulates does not slow it down. This loom is made when somebody asks for the page.
 */
export class Devtools {
  private made: { loom: Loom; module: RegisteredModule<DevtoolsProps> } | undefined

  constructor(
    private readonly path: string,
    private readonly makeLoom: (path: string) => Loom,
    private readonly host: DevtoolsHost,
  ) {}

  /** Answers a request for one of the addresses of devtools. False if `pathname` is not one of these. */
  serve(request: IncomingMessage, response: ServerResponse, pathname: string): boolean {
    const { path } = this
    if (pathname !== path && !pathname.startsWith(`${path}/`)) return false
    if (!isLocal(request)) {
      response
        .writeHead(403, { 'content-type': 'text/plain; charset=utf-8' })
        .end('Devtools are for this machine only: open them at http://localhost, without a proxy.')
      return true
    }
    const rest = pathname.slice(path.length)
    if (rest === '/style.css') this.answer(response, 'css', STYLE)
    else if (rest === '/page.js') this.answer(response, 'js', SCRIPT)
    else if (rest === '' || rest === '/') {
      this.page(request).then(
        (text) => {
          this.answer(response, 'html', text)
        },
        (error: unknown) => {
          response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' }).end(textOf(error))
        },
      )
    } else {
      const { loom } = this.make(request)
      loom.express()(request, response, () => {
        response.writeHead(404).end()
      })
    }
    return true
  }

  async close(): Promise<void> {
    await this.made?.loom.close({ timeout: 0 })
  }

  private answer(response: ServerResponse, type: keyof typeof TYPES, text: string): void {
    response
      .writeHead(200, {
        'content-type': `${TYPES[type]}; charset=utf-8`,
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
      })
      .end(text)
  }

  private async page(request: IncomingMessage): Promise<string> {
    const { loom, module } = this.make(request)
    const { path } = this
    const component = await loom.mount(module, {}, { request, as: 'main' })
    return (
      '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">' +
      `<title>loom-live devtools</title><link rel="icon" href="data:,"><link rel="stylesheet" href="${path}/style.css">` +
      `<script src="${path}/page.js"></script></head><body>${component}${loom.script()}</body></html>`
    )
  }

  private make(request: IncomingMessage): NonNullable<Devtools['made']> {
    if (this.made === undefined) {
      const loom = this.makeLoom(this.path)
      this.made = { loom, module: loom.register('loom.devtools', devtoolsModule(this.host)) }
    }
    const { server } = request.socket as { server?: Parameters<Loom['attach']>[0] }
    if (server !== undefined && !this.attached.has(server)) {
      this.attached.add(server)
      this.made.loom.attach(server, {
        middleware: [
          (upgrade, response, next) => {
            if (isLocal(upgrade)) next()
            else response.writeHead(403).end()
          },
        ],
      })
    }
    return this.made
  }

  private readonly attached = new WeakSet()
}
