import { type IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Middleware } from '../index'

/**
 * Runs an application's middleware on an upgrade request, as its framework runs it on any other: one
 * after the other, each with the request and a response. Resolves to true when all have passed it on;
 * to false where one has answered instead, which the client then gets.
 */
export async function runMiddleware(
  list: readonly Middleware[],
  request: IncomingMessage,
  socket: Duplex,
): Promise<boolean> {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  // A response writes to any duplex stream; only its type asks for more.
  response.assignSocket(socket instanceof Socket ? socket : (socket as Socket))
  const answered = new Promise<false>((resolve) => {
    response.once('finish', () => {
      socket.end()
      resolve(false)
    })
    response.once('close', () => {
      resolve(false)
    })
  })
  for (const middleware of list) {
    const passed = new Promise<true>((resolve, reject) => {
      const next = (error?: unknown): void => {
        if (error === undefined || error === null) resolve(true)
        else reject(error instanceof Error ? error : new Error(String(error)))
      }
      const returned: unknown = middleware(request, response, next)
      if (returned instanceof Promise) returned.catch(next)
    })
    if (!(await Promise.race([passed, answered]))) return false
  }
  if (response.writableEnded) return answered
  response.detachSocket(socket as Socket)
  return true
}
