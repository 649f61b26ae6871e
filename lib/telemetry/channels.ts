import { type Channel, channel } from 'node:diagnostics_channel'

/** The channels of `node:diagnostics_channel`; docs/telemetry.md says what each of them tells. */
export const channels = {
  mount: channel('loom-live:mount'),
  join: channel('loom-live:join'),
  stepStart: channel('loom-live:step:start'),
  handle: channel('loom-live:handle'),
  render: channel('loom-live:render'),
  store: channel('loom-live:store'),
  patch: channel('loom-live:patch'),
  commit: channel('loom-live:commit'),
  stepEnd: channel('loom-live:step:end'),
  topic: channel('loom-live:topic'),
  error: channel('loom-live:error'),
  log: channel('loom-live:log'),
} as const

/** If one of these channels has a subscriber, each step is followed. */
const OF_STEPS: readonly Channel<unknown, unknown>[] = [
  channels.join,
  channels.stepStart,
  channels.handle,
  channels.render,
  channels.store,
  channels.patch,
  channels.commit,
  channels.stepEnd,
  channels.topic,
  channels.error,
]

/** Whether somebody listens to steps. */
export function areStepsObserved(): boolean {
  for (const one of OF_STEPS) if (one.hasSubscribers) return true
  return false
}
