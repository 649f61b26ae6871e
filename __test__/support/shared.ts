/** Pages without a browser that show one shared component. */

import type { IncomingMessage } from 'node:http'
import { html, type Loom, type RegisteredModule } from 'loom-live'
import { atEnd } from './cleanup'
import { LivePage, type LivePageOptions } from './live_page'
import { type Site, tokenIn } from './site'
import { until } from './until'

export const KEY = 'board-7'

/** What a board has done. */
export interface Seen {
  renders: number
  /** The keys that `mount` was called with. */
  mounts: string[]
}

/** A counter beside a text, which is the key at first. */
export function board(
  loom: Loom,
  seen: Seen = { renders: 0, mounts: [] },
): RegisteredModule<{ count: number; said: string }> {
  return loom.register('board', {
    props: { count: 0, said: '' },
    mount(_, ctx) {
      seen.mounts.push(ctx.key)
      return { said: ctx.key }
    },
    handle: {
      add: ({ count, ...rest }) => ({ ...rest, count: count + 1 }),
      say: (props, { value = '' }) => ({ ...props, said: value }),
      nothing: (props) => props,
      boom() {
        throw new Error('boom')
      },
    },
    render({ count, said }) {
      seen.renders++
      return html`${count} ${said}`
    },
  })
}

/** `bind` of a site on which a header says who a user is. */
export const byHeader = ({ headers }: IncomingMessage): string | undefined => headers['x-user']?.toString()

const requestOf = (user: string): IncomingMessage =>
  ({ headers: { 'x-user': user }, url: '/', socket: { remoteAddress: '127.0.0.1' } }) as unknown as IncomingMessage

export interface SharedPageOptions extends Partial<LivePageOptions> {
  key?: string
  /** Who it is, by `byHeader`. */
  user?: string
}

/** The token of a page that shows the component. */
export async function sharedToken(
  site: Site,
  module: { name: string },
  { key = KEY, user }: SharedPageOptions = {},
): Promise<string> {
  const request = user === undefined ? {} : { request: requestOf(user) }
  return tokenIn(await site.loom.mount(module.name, {}, { shared: key, ...request }))
}

/** A page that shows the component, and may not have joined yet. */
export async function openShared(
  site: Site,
  module: { name: string },
  options: SharedPageOptions = {},
): Promise<LivePage> {
  const { user, ...rest } = options
  const token = await sharedToken(site, module, options)
  const socket = user === undefined ? {} : { headers: { 'x-user': user } }
  const page = new LivePage({ url: () => site.url(), module: module.name, token, socket, ...rest })
  atEnd(() => {
    page.end()
  })
  return page
}

/** A page that shows the component and has joined. */
export async function sharedPage(
  site: Site,
  module: { name: string },
  options: SharedPageOptions = {},
): Promise<LivePage> {
  const page = await openShared(site, module, options)
  await until('the page to be live', () => page.isLive)
  return page
}

export const settled = (page: LivePage): Promise<unknown> => until('the answers', () => page.isSettled)
