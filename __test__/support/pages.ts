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

/** The network is gone, and the page does not come back by itself. */
function cutOff(page: LivePage): void {
  page.retry = () => 2 ** 31 - 1
  page.cut()
}

/** The network is gone: the component waits for its page, however long that takes. The page is away until `back`. */
export async function away(site: Site, page: LivePage): Promise<void> {
  const { parked } = site.loom.stats()
  cutOff(page)
  await until('the component to wait for its page', () => site.loom.stats().parked > parked)
}

/** The same for a page of a site whose components do not wait, or of a shared component: its connection is gone. */
export async function gone(site: Site, page: LivePage): Promise<void> {
  const { connections } = site.loom.stats()
  cutOff(page)
  await until('the connection to be gone', () => site.loom.stats().connections < connections)
}

/** The network is there again. */
export function comeBack(page: LivePage): void {
  page.retry = () => 10
  page.comeBack()
}

/** A page that was away is shown its component again, which has waited. */
export async function back(page: LivePage): Promise<void> {
  const { resumes } = page
  comeBack(page)
  await until('the page to be back', () => page.resumes > resumes && page.isLive)
}

export const shows = (page: LivePage, text: string): Promise<unknown> =>
  until(`the page to show ${JSON.stringify(text)}`, () => page.text === text)
