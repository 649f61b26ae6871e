/** A page between two processes, as after a crash and after a deploy. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Loom, LoomOptions } from 'loom-live'
import { atEnd } from './cleanup'
import { LivePage } from './live_page'
import { Site } from './site'
import { until } from './until'

export type Register = (loom: Loom) => { name: string }

/**
 * A page between two processes that share a secret. `moves` cuts the connection and has the page come back to the
 * other process, which knows nothing of the first one: as after a crash, and after a deploy.
 */
export async function twoProcesses(register: Register, options: LoomOptions = {}) {
  const sites = [await Site.start(options), await Site.start(options)] as const
  const [name = ''] = sites.map(({ loom }) => register(loom).name)
  let site: Site = sites[0]
  const page = new LivePage({ url: () => site.url(), module: name, token: await site.token(name) })
  atEnd(() => {
    page.end()
  })
  await until('the page to be live', () => page.isLive)
  const moves = async (): Promise<void> => {
    const { joins } = page
    site = sites[1]
    page.cut()
    await until('the page to be back', () => page.joins === joins + 1 && page.isSettled)
  }
  return { first: sites[0], second: sites[1], name, page, moves }
}

/** A store in a folder of its own. */
export function sqlite(): LoomOptions {
  const folder = mkdtempSync(join(tmpdir(), 'loom-two-processes-'))
  atEnd(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  return { store: { sqlite: join(folder, 'states.sqlite') } }
}

export const checkpointed = (page: LivePage): Promise<unknown> =>
  until('a checkpoint', () => page.memory.checkpoint !== undefined)

/** A checkpoint that includes all events of the page, and what came before them. */
export const allCheckpointed = (page: LivePage): Promise<unknown> =>
  until('a checkpoint of all events', () => page.isCheckpointed)

/** Checkpoints come only if they are due at once. */
export const FEW = { checkpointQuiet: 60_000, checkpointEvents: 1000 }
