import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Middleware } from '../../index'
import { textOf } from '../errors'
import { UpgradeResponse } from './response'

/**
 * Runs an application's middleware on an upgrade request, as its framework does on any other request: one after the
 * other, each with the request and a response. Resolves to true if all middleware has passed the request on, to false
 * if one has answered; the client gets that answer.
 */
export async function runMiddleware(
  list: readonly Middleware[],
  request: IncomingMessage,
  socket: Duplex,
): Promise<boolean> {
  const upgrade = new UpgradeResponse(request, socket)
  for (const middleware of list) {
    const passed = new Promise<true>((resolve, reject) => {
      const next = (error?: unknown): void => {
        if (error === undefined || error === null) resolve(true)
        else reject(error instanceof Error ? error : new Error(textOf(error)))
      }
      const returned: unknown = middleware(request, upgrade.response, next)
      if (returned instanceof Promise) returned.catch(next)
    })
    if (!(await Promise.race([passed, upgrade.answered]))) return false
  }
  if (upgrade.response.writableEnded) return upgrade.answered
  upgrade.release()
  return true
}
