/** A real headless Chromium for tests. */

import { mkdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { chromium, type Browser } from 'playwright-core'
import packed from '@sparticuz/chromium'

export const ARGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
]

const LOCK = join(tmpdir(), 'loom-live-chromium.lock')
/** Unpacking takes seconds; a lock older than this was left behind by a killed run. */
const STALE_MS = 60_000

/** The package unpacks itself on first use, and would be started half unpacked by the next test file. */
export async function executablePath(): Promise<string> {
  for (;;) {
    try {
      await mkdir(LOCK)
      break
    } catch {
      const since = await stat(LOCK).then(
        (found) => found.mtimeMs,
        () => Date.now(),
      )
      if (Date.now() - since > STALE_MS) await rm(LOCK, { recursive: true, force: true })
      await pause(100)
    }
  }
  try {
    return await packed.executablePath()
  } finally {
    await rm(LOCK, { recursive: true, force: true })
  }
}

export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: await executablePath(), args: ARGS })
}
