/**
 * What the client loads for pages with commands: what a binding or `ctx.push` has the page do by itself, without the
 * server. Commands are JSON, which is read and never run as code.
 */

import { take, type Core } from '../input/core'
import type { Runner } from '../input/forms'
import type { LiveEvent } from '../input/live_event'
import { aside } from './guesses'
import { runCommands } from './run'

/** As `lib/render/commands.ts` writes it. */
const TEXT = /^js\((\[.*\])\)$/s
const PUSHED = 'loom.js'

function read(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (error) {
    console.error('loom-live: these commands are not JSON:', json, error)
    return []
  }
}

export function start(core: Core): Runner {
  take(core)
  return {
    run(event, origin, trigger, send, data) {
      const { handler } = event
      const json = TEXT.exec(handler)?.[1]
      if (json === undefined && (handler !== PUSHED || !data)) return false
      // Each call shows by itself that it is under way.
      const issue = (call: LiveEvent): void => send(call, trigger && { ...trigger })
      runCommands(json === undefined ? data : read(json), { origin, event, issue })
      return true
    },
    aside,
  }
}
