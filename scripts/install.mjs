// Runs after `npm install loom-live`: the package carries the addon of one platform, elsewhere it is
// built here.

import { existsSync } from 'node:fs'
import { addon, buildAddon } from './native.mjs'

if (!existsSync(addon)) {
  const problem = buildAddon()
  if (problem !== undefined) {
    console.error(problem)
    process.exit(1)
  }
}
