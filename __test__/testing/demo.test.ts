// The demo's components, tested by the helper on node:test. How long all of them take is printed, not asserted.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'

const root = join(__dirname, '../..')

test("the demo's own tests pass", () => {
  const { stdout } = spawnSync(
    process.execPath,
    ['--test', '--test-reporter=tap', 'examples/demo/tests/components.test.mjs'],
    {
      cwd: root,
      encoding: 'utf8',
      env: {
        ...process.env,
        NODE_ENV: 'production',
        NODE_OPTIONS: undefined,
        LOOM_SECRET: 'a secret of at least thirty-two bytes',
      },
    },
  )
  const [, passed = 0] = /^# pass (\d+)$/m.exec(stdout) ?? []
  const [, failed] = /^# fail (\d+)$/m.exec(stdout) ?? []
  const [, first = 0] = /^ok 1 [^]*?duration_ms: ([\d.]+)/m.exec(stdout) ?? []
  const times = [...stdout.matchAll(/^ {2}duration_ms: ([\d.]+)$/gm)].map(([, time]) => Number(time))
  const sum = times.reduce((all, time) => all + time, 0)
  console.info(
    `${passed} tests of the demo took ${Math.round(sum)} ms, the first one, which loads happy-dom, ${Math.round(Number(first))} ms`,
  )
  // With what they say, up to the stack.
  expect([stdout.match(/^not ok [^]*?^ {2}(?:stack|\.\.\.)/gm), failed]).toEqual([null, '0'])
  expect(Number(passed)).toBeGreaterThanOrEqual(98)
}, 120_000)
