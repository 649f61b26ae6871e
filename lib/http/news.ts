import type { IncomingMessage, ServerResponse } from 'node:http'
import { isForeign } from './same_site'

/** More pages that are seen at the same time are not those of one developer. */
const MOST_OPEN = 100
/** What has happened while a page was loaded is told when the page asks. */
const MOST_KEPT = 20
/** A page that takes nothing of what it is told is not told more: it asks again when it is well. */
const MOST_WAITING_BYTES = 1 << 20
const LONGEST_MS = 60_000
/** A page says how old it is, and until that is heard time goes by: what failed as the page was rendered counts, too. */
const ON_THE_WAY_MS = 250

interface Item {
  readonly number: number
  readonly at: number
  readonly text: string
}

/**
 * What open pages hear of in development: failures, files that were loaded again, stylesheets that have changed. By
 * server-sent events; a page that nobody sees does not ask.
 */
export class News {
  private readonly open = new Set<ServerResponse>()
  private readonly kept: Item[] = []
  private last = 0
  /** The numbers of another process mean nothing here. */
  private readonly epoch = `${process.pid.toString(36)}${Date.now().toString(36)}`

  /** Tells all pages. With `keeps`, those that are being loaded hear of it as well. */
  tell(event: 'failure' | 'reloaded' | 'style', data: object, keeps = false): void {
    const number = ++this.last
    const text = `id: ${this.epoch}-${number}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`
    if (keeps) {
      this.kept.push({ number, at: Date.now(), text })
      if (this.kept.length > MOST_KEPT) this.kept.shift()
    }
    for (const response of this.open) {
      if (response.writableLength > MOST_WAITING_BYTES) response.destroy()
      else response.write(text)
    }
  }

  /** What was kept of failures is of no interest any more. */
  forget(): void {
    this.kept.length = 0
  }

  /** Answers a page. `age`: how long ago the page began, in milliseconds. `after`: what it has heard last. */
  serve(request: IncomingMessage, response: ServerResponse, age: number, after: string | null): void {
    if (isForeign(request)) {
      response.writeHead(403).end()
      return
    }
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      // Middleware that compresses would wait for more.
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    })
    response.write('retry: 500\n\n')
    // An open page is no reason for a process to go on.
    request.socket.unref()
    const [epoch, seen] = String(request.headers['last-event-id'] ?? after ?? '').split('-', 2)
    const since = Date.now() - ON_THE_WAY_MS - Math.min(LONGEST_MS, Math.max(0, age || 0))
    for (const { number, at, text } of this.kept) {
      if (epoch === this.epoch ? number > Number(seen) : at >= since) response.write(text)
    }
    this.open.add(response)
    response.on('close', () => this.open.delete(response))
    const [oldest] = this.open
    if (this.open.size > MOST_OPEN) oldest?.end()
  }

  close(): void {
    for (const response of this.open) response.end()
    this.open.clear()
  }
}
