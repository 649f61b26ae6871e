/** A page with live components of a real loom, as an application serves it. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  createLoom,
  type ContainerName,
  type LiveModule,
  type Loom,
  type LoomOptions,
  type ScriptOptions,
} from 'loom-live'
import { createServer } from 'node:http'
import { atEnd } from '../support/cleanup'
import { listen, Log, SECRET } from '../support/site'
import type { AddressInfo } from 'node:net'

export interface LivePage {
  url: string
  loom: Loom
  log: Log
  /** The requests for pages, as "GET /path". A form that the client did not take shows here as a POST or a query. */
  requests: string[]
}

export interface LiveOptions<Props extends object> {
  /** For the page: those that the module begins with are there already. */
  props?: Partial<Props>
  /** The whole page around the component's HTML. */
  around?: (component: string, request: IncomingMessage) => string
  options?: LoomOptions
  /** What another address is answered with; `undefined` if it is the page. */
  file?: (url: string) => { type: string; text: string } | undefined
  /** Of the page. */
  headers?: Record<string, string>
  script?: ScriptOptions
  /** The component's container. */
  as?: ContainerName
}

/** A server with this module on its page, until the test is over. */
export async function livePage<Props extends object>(
  module: LiveModule<Props>,
  {
    props = {},
    around = (component) => component,
    file,
    options = {},
    headers = {},
    script,
    as = 'div',
  }: LiveOptions<Props> = {},
): Promise<LivePage> {
  const log = new Log()
  const loom = createLoom({ secret: SECRET, logger: log, development: true, ...options })
  atEnd(() => loom.close({ timeout: 0 }))
  const registered = loom.register('tested', module)
  const serve = loom.express()
  const requests: string[] = []
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const own = file?.(request.url ?? '')
    if (own !== undefined) {
      response.setHeader('content-type', own.type)
      response.end(own.text)
      return
    }
    requests.push(`${request.method} ${request.url}`)
    const component = await loom.mount(registered, props as Props, { as, request })
    response.setHeader('content-type', 'text/html; charset=utf-8')
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    response.end(
      `<!doctype html><html lang="en"><head><title>test</title><link rel="icon" href="data:,"></head>` +
        `<body>${around(component, request)}${loom.script(script)}</body></html>`,
    )
  }
  const server = createServer((request, response) => {
    serve(request, response, () => void answer(request, response))
  })
  loom.attach(server)
  await listen(server)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, loom, log, requests }
}
