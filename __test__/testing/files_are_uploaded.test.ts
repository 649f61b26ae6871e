// Uploads of the test helper. On node:test: Jest cannot load @tus/server, which is an ES module.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'

test('files are sent whole or to a part, cancelled and refused', () => {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--test', '--test-reporter=tap', join(__dirname, 'node/uploads.test.mjs')],
    { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: undefined } },
  )
  const [, passed] = /^# pass (\d+)$/m.exec(stdout) ?? []
  expect([stdout.match(/^not ok [^]*?error: .*$/gm), stderr, passed]).toEqual([null, '', '5'])
}, 60_000)
