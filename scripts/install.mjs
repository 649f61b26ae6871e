// Runs after `npm install loom-live` and at `npm rebuild loom-live`. The package contains the addon for one platform.
// On other platforms, and if that addon cannot be loaded, the addon is built here.

import { buildAddon, loads } from './native.mjs'

if (!loads()) {
  const problem = buildAddon({ anew: true })
  if (problem !== undefined) {
    console.error(problem)
    process.exit(1)
  }
}
