// Runs after `npm install loom-live` and at `npm rebuild loom-live`: the package carries the addon of one
// platform, elsewhere it is built here; also if it is there and cannot be loaded.

import { buildAddon, loads } from './native.mjs'

if (!loads()) {
  const problem = buildAddon({ anew: true })
  if (problem !== undefined) {
    console.error(problem)
    process.exit(1)
  }
}
