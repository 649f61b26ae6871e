import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** Two methods of `ServerResponse` as Node's code has them: Node's types allow a `Socket` only, its code any stream. */
interface OnAnyStream {
  assignSocket(socket: Duplex): void
  detachSocket(socket: Duplex): void
}

/** How long a client that has its answer may keep the socket open, in milliseconds. */
const LINGER_MS = 2000

/** The response of each socket whose upgrade request the application may answer. */
const responses = new WeakMap<Duplex, ServerResponse>()

/**
 * Sends `text` and ends the socket. The socket is read until the client ends its side, for a short time at most: if it
 * were closed with unread bytes, the answer could be lost.
 */
function endSocket(socket: Duplex, text = ''): void {
  if (socket.destroyed) return
  const destroy = (): void => {
    socket.destroy()
  }
  const late = setTimeout(destroy, LINGER_MS)
  late.unref()
  socket.once('close', () => {
    clearTimeout(late)
  })
  socket.once('end', destroy).resume()
  socket.end(text)
}

/** Answers an upgrade request and ends its socket. If an answer was begun already, only the socket is closed. */
export function refuseUpgrade(socket: Duplex, status: string, headers = ''): void {
  if (responses.get(socket)?.headersSent === true) socket.destroy()
  else endSocket(socket, `HTTP/1.1 ${status}\r\nConnection: close\r\n${headers}Content-Length: 0\r\n\r\n`)
}

/** An HTTP response to an upgrade request, for middleware or hooks that answer the request instead of passing it on. */
export class UpgradeResponse {
  readonly response: ServerResponse
  /** Resolves to false when the request has been answered, or its client has left. */
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

  /** Takes the response off the socket: the request passes, unanswered. */
  release(): void {
    ;(this.response as OnAnyStream).detachSocket(this.socket)
  }
}
