import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { FastifyLike, FastifyRequestLike } from '../index'

/**
 * Upgrade requests on their way through a Fastify instance: it runs its hooks on them, and the route
 * that they end at says that they have passed.
 */
export class FastifyUpgrades {
  private readonly waiting = new WeakMap<IncomingMessage, (request: FastifyRequestLike) => void>()

  constructor(private readonly instance: FastifyLike) {}

  /** Fastify's own request, or false where a hook has answered. */
  pass(request: IncomingMessage, socket: Duplex): Promise<object | false> {
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    // A response writes to any duplex stream; only its type asks for more.
    response.assignSocket(socket as Socket)
    return new Promise((resolve) => {
      response.once('finish', () => {
        socket.end()
        resolve(false)
      })
      response.once('close', () => {
        resolve(false)
      })
      this.waiting.set(request, (passed) => {
        response.detachSocket(socket as Socket)
        resolve(passed)
      })
      this.instance.routing(request, response)
    })
  }

  /** False where it is a request that is no upgrade. */
  passed(request: FastifyRequestLike): boolean {
    const pass = this.waiting.get(request.raw)
    pass?.(request)
    return pass !== undefined
  }
}
