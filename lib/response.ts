import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** What Node's types ask a socket for, and its code does not. */
interface OnAnyStream {
  assignSocket(socket: Duplex): void
  detachSocket(socket: Duplex): void
}

/** An HTTP response to an upgrade request, for whoever would rather answer than let it pass. */
export class UpgradeResponse {
  readonly response: ServerResponse
  /** Resolves when it has been answered, or nobody is there any more. */
  readonly answered: Promise<false>

  constructor(
    request: IncomingMessage,
    private readonly socket: Duplex,
  ) {
    const response = new ServerResponse(request)
    this.response = response
    response.shouldKeepAlive = false
    ;(response as OnAnyStream).assignSocket(socket)
    this.answered = new Promise((resolve) => {
      response.once('finish', () => {
        socket.end()
        resolve(false)
      })
      response.once('close', () => {
        resolve(false)
      })
    })
  }

  /** Gives the socket back, unanswered. */
  release(): void {
    ;(this.response as OnAnyStream).detachSocket(this.socket)
  }
}
