/** A page whose component ended while it was away: it joins anew and is given the whole tree. */

import type { Page } from './index'

/** For `livePage`: a component without its page ends at once. */
export const NOT_PARKED = { limits: { parkTime: 0 } }

export async function rejoin(page: Page): Promise<void> {
  await page.evaluate(() => {
    const watched = window as unknown as { joins: number }
    watched.joins = 0
    addEventListener('loom:join', () => watched.joins++, { once: true })
    dispatchEvent(new Event('offline'))
    dispatchEvent(new Event('online'))
  })
  await page.until(() => (window as unknown as { joins: number }).joins > 0)
}
