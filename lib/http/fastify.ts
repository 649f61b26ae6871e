import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyLike, FastifyRequestLike } from '../../index'
import { UpgradeResponse } from './response'

/**
 * Upgrade requests on their way through a Fastify instance: it runs its hooks on them, and the route
 * that they end at says that they have passed.
 */
export class FastifyUpgrades {
  private readonly waiting = new WeakMap<IncomingMessage, (request: FastifyRequestLike) => void>()

  constructor(private readonly instance: FastifyLike) {}

  /** Fastify's own request, or false where a hook has answered. */
  pass(request: IncomingMessage, socket: Duplex): Promise<FastifyRequestLike | false> {
    const upgrade = new UpgradeResponse(request, socket)
    const passed = new Promise<FastifyRequestLike>((resolve) => {
      this.waiting.set(request, (own) => {
        upgrade.release()
        resolve(own)
      })
    })
    this.instance.routing(request, upgrade.response)
    return Promise.race([passed, upgrade.answered])
  }

  /** False where it is a request that is no upgrade. */
  passed(request: FastifyRequestLike): boolean {
    const pass = this.waiting.get(request.raw)
    pass?.(request)
    return pass !== undefined
  }
}
