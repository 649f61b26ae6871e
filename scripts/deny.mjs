// Checks the Rust dependencies against deny.toml: their licences, their sources, and that no crate is there twice.

import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tool } from './tools.mjs'

const program = tool('cargo-deny')
if (program === undefined) {
  console.error('cargo-deny is missing and could not be installed; the reason is above')
  process.exit(1)
}
const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const { status } = spawnSync(program, ['--locked', 'check', 'licenses', 'bans', 'sources'], {
  cwd: root,
  stdio: 'inherit',
})
process.exit(status ?? 1)
