import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** What Node's types ask a socket for, and its code does not. */
interface OnAnyStream {
  assignSocket(socket: Duplex): void
  detachSocket(socket: Duplex): void
}

/** How long a client that has its answer may keep the socket open, in milliseconds. */
const LAST_WORDS = 2000

/** The responses that are under way. */
const responses = new WeakMap<Duplex, ServerResponse>()

/**
 * Ends a socket once the client has what was written: it is read on until the client ends its side, or the
 * answer could get lost, but not for long.
 */
function endSocket(socket: Duplex, text = ''): void {
  if (socket.destroyed) return
  const destroy = (): void => {
    socket.destroy()
  }
  const late = setTimeout(destroy, LAST_WORDS)
  late.unref()
  socket.once('close', () => {
    clearTimeout(late)
  })
  socket.once('end', destroy).resume()
  socket.end(text)
}

/** Answers an upgrade request that nobody has answered, and ends its socket. */
export function refuseUpgrade(socket: Duplex, status: string, headers = ''): void {
  if (responses.get(socket)?.headersSent === true) socket.destroy()
  else endSocket(socket, `HTTP/1.1 ${status}\r\nConnection: close\r\n${headers}Content-Length: 0\r\n\r\n`)
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
    responses.set(socket, response)
    this.answered = new Promise((resolve) => {
      response.once('finish', () => {
        endSocket(socket)
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
