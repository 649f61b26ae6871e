/** What is not on every machine: its tests are passed over, and `npm test` says so at its end. */

import { appendFileSync } from 'node:fs'

/** Nothing may be passed over: what is missing fails. */
export const TESTS_ALL = process.env['LOOM_TEST_ALL'] === '1'

const told = new Set<string>()

/** Notes what no package of Debian can show. It is no pass-over: `npm test` names it at its end. */
export function notShown(what: string): void {
  const file = process.env['LOOM_NOT_SHOWN']
  if (!file || told.has(what)) return
  told.add(what)
  appendFileSync(file, `${what}\n`)
}

/** Notes what was passed over, once in each file, and the packages of Debian that it needs. */
export function passOver(what: string, packages: string): void {
  passOverFor(what, `which is not on this machine; on Debian: apt-get install ${packages}`)
}

/** Notes what was passed over, once in each file, and why. */
export function passOverFor(what: string, why: string): void {
  const file = process.env['LOOM_PASSED_OVER']
  if (!file || told.has(what)) return
  told.add(what)
  appendFileSync(file, `${what}, ${why}\n`)
}
