// The demo has no build step. An application that has one uses a plugin of it (docs/jsx.md); here the same compile step
// runs when the server starts, and what it makes of a file is written beside it, into `.compiled`.

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { compileJsx } from 'loom-live/jsx-compiler'

/**
 * The module that a file of JSX is.
 * @param {URL} url
 */
export async function importJsx(url) {
  const filename = fileURLToPath(url)
  const compiled = compileJsx(readFileSync(filename, 'utf8'), { filename })
  if (compiled === undefined) throw new Error(`There is no JSX in ${filename}`)
  const folder = join(dirname(filename), '.compiled')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, basename(filename).replace(/\.jsx$/, '.mjs'))
  // Several processes may start at once: each reads a whole file.
  const own = `${file}.${process.pid}`
  writeFileSync(own, `${compiled.code}\n//# sourceMappingURL=${compiled.map.toUrl()}\n`)
  renameSync(own, file)
  return import(pathToFileURL(file).href)
}
