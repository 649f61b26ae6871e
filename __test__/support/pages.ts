/** Pages without a browser, each with one live component of a site. */

import type { Loom } from 'loom-live'
import { atEnd } from './cleanup'
import { LivePage } from './live_page'
import { Site, type SiteOptions } from './site'
import { until } from './until'

/** A page that has joined; it ends when the test does. */
export async function pageOf(site: Site, name: string, url = (): string => site.url()): Promise<LivePage> {
  const page = new LivePage({ url, module: name, token: await site.token(name) })
  atEnd(() => {
    page.end()
  })
  await until('the page to be live', () => page.isLive)
  return page
}

/** A site with one module, and a page that shows it. */
export async function startPage(
  register: (loom: Loom) => { name: string },
  options: SiteOptions = {},
): Promise<{ site: Site; name: string; page: LivePage }> {
  const site = await Site.start(options)
  const { name } = register(site.loom)
  return { site, name, page: await pageOf(site, name) }
}

export const shows = (page: LivePage, text: string): Promise<unknown> =>
  until(`the page to show ${JSON.stringify(text)}`, () => page.text === text)
