// `npm run models`: runs the tests of src/models.rs under many interleavings, in a build of its own.

import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const { status } = spawnSync(
  'cargo',
  ['test', '--locked', '--no-default-features', '--target-dir', join('target', 'shuttle'), 'models'],
  { cwd: root, stdio: 'inherit', env: { ...process.env, RUSTFLAGS: '--cfg shuttle' } },
)
process.exit(status ?? 1)
