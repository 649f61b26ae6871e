import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyLike, FastifyRequestLike } from '../../index'
import { LoomError } from '../errors'
import type { Upgrades } from './accept'
import type { Forms } from './forms'
import { UpgradeResponse } from './response'
import { serveClient } from './script'
import type { UploadServer } from './uploads'
import type { Wiring } from './wiring'

/**
 * Upgrade requests on their way through a Fastify instance. Fastify runs its hooks on each request; if no hook answers,
 * the request reaches the loom's route, and the route calls `passed`.
 */
export class FastifyUpgrades {
  /** The functions to call when a request has reached the route. */
  private readonly waiting = new WeakMap<IncomingMessage, (request: FastifyRequestLike) => void>()

  constructor(private readonly instance: FastifyLike) {}

  /** Sends a request through the hooks. Gives Fastify's own request object, or false if a hook has answered. */
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

  /** Called by the route. False if the request is not an upgrade request of `pass`. */
  passed(request: FastifyRequestLike): boolean {
    const pass = this.waiting.get(request.raw)
    pass?.(request)
    return pass !== undefined
  }
}

/** Adds the routes, hooks and upgrades of a loom to a Fastify instance. `close` closes the loom. */
export function serveFastify(
  instance: FastifyLike,
  loomPath: string,
  loomUpgrades: Upgrades,
  wiring: Wiring | undefined,
  uploads: UploadServer | undefined,
  close: () => Promise<void>,
): void {
  const path = pathUnder(loomPath, instance.prefix)
  const upgrades = new FastifyUpgrades(instance)
  instance.route({
    method: ['GET'],
    url: `${path}/ws`,
    handler: (request, reply) => {
      reply.hijack()
      if (!upgrades.passed(request)) serveClient(loomPath, request.raw, reply.raw, wiring)
    },
  })
  instance.route({
    method: ['GET'],
    url: `${path}/*`,
    handler: ({ raw: request }, reply) => {
      reply.hijack()
      if (!serveClient(loomPath, request, reply.raw, wiring)) reply.raw.writeHead(404).end()
    },
  })
  if (uploads !== undefined) {
    // Its body is read by nobody but the route, however large it is.
    instance.addContentTypeParser('application/offset+octet-stream', (_request, _payload, done) => {
      done(null)
    })
    for (const url of [`${path}/uploads`, `${path}/uploads/:id`]) {
      instance.route({
        method: ['OPTIONS', 'POST', 'HEAD', 'PATCH', 'DELETE'],
        url,
        handler: (request, reply) => {
          reply.hijack()
          if (!uploads.handle(request, request.raw, reply.raw)) reply.raw.writeHead(404).end()
        },
      })
    }
  }
  wiring?.serving()
  wiring?.reached()
  wiring?.attachedWithHooks(instance.server)
  loomUpgrades.attach(instance.server, (request, socket) => upgrades.pass(request, socket))
  // `preClose` runs before the server waits for its open sockets, some of which are the loom's.
  instance.addHook('preClose', close)
}

/** If a plugin has this member, Fastify runs its hooks for all routes, and not only for the plugin's own. */
const SKIP_OVERRIDE = Symbol.for('skip-override')

/** The plugin that takes forms which are sent without the client's script. `forms` is called once it is registered. */
export function serveFastifyForms(forms: () => Forms): (instance: FastifyLike) => Promise<void> {
  const plugin = (instance: FastifyLike): Promise<void> => {
    const taken = forms()
    if (!instance.hasContentTypeParser(FORM_TYPE)) {
      const { bodyLimit } = taken
      // All routes get what it makes of a body, and check it by their schemas, before the hook below is called.
      instance.addContentTypeParser(FORM_TYPE, { parseAs: 'string', bodyLimit }, (_, body, done) => {
        let fields: object
        try {
          fields = taken.parse(body)
        } catch (error) {
          done(error as Error)
          return
        }
        done(null, fields)
      })
    }
    instance.addHook('preHandler', (request, reply) => taken.fastify(request, reply))
    return Promise.resolve()
  }
  return Object.assign(plugin, { [SKIP_OVERRIDE]: true })
}

const FORM_TYPE = 'application/x-www-form-urlencoded'

/** The loom's path without the prefix that Fastify puts before every route. */
function pathUnder(loomPath: string, prefix: string): string {
  const before = prefix.replace(/\/$/, '')
  if (loomPath.startsWith(`${before}/`)) return loomPath.slice(before.length)
  throw new LoomError(
    'LOOM_ARGUMENT',
    `The loom's path ${JSON.stringify(loomPath)} is not under the prefix ${JSON.stringify(prefix)} of this Fastify ` +
      `instance; pages ask for the path as it is, so set { path: ${JSON.stringify(before + loomPath)} }`,
  )
}
