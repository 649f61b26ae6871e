import type { IncomingMessage, ServerResponse } from 'node:http'
import { isForeign } from './same_site'

/** A developer does not look at more pages at the same time. */
const MOST_OPEN = 100
/** Failures from before a page has asked: the page is told of them when it asks. */
const MOST_KEPT = 20
/** If a page does not read so many bytes, it is not told more. It asks again when it can. */
const MOST_WAITING_BYTES = 1 << 20
const LONGEST_MS = 60_000
/**
 * A page says how old it is, and some time passes until this arrives: failures while the page was rendered count, too.
 */
const ON_THE_WAY_MS = 250

interface Item {
  readonly number: number
  readonly at: number
  readonly text: string
}

/**
 * News for open pages in development: failures, files that were loaded again, stylesheets that have changed. By
 * server-sent events; a page that nobody sees does not ask.
 */
export class News {
  private readonly open = new Set<ServerResponse>()
  private readonly kept: Item[] = []
  private last = 0
  /** The numbers of another process mean nothing here. */
  private readonly epoch = `${process.pid.toString(36)}${Date.now().toString(36)}`

  /** Tells all pages. With `keeps`, pages that are being loaded are told as well. */
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

  /** Drops the failures that were kept: they are over. */
  forget(): void {
    this.kept.length = 0
  }

  /**
   * Answers a page. `age`: how long ago the page began, in milliseconds. `after`: the last message that the page has.
   */
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
    // An open page does not keep the process alive.
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
