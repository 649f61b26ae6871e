import { createRequire } from 'node:module'
import { join } from 'node:path'
import { LoomError } from '../errors'

/**
 * A package that only the compile step needs, and that the application has installed. It is looked for from this file
 * and, if this package is linked, from the folder in which the build runs.
 */
export function needed(name: string): unknown {
  for (const from of [join(__dirname, 'index.cjs'), join(process.cwd(), 'package.json')]) {
    let path: string
    const require = createRequire(from)
    try {
      path = require.resolve(name)
    } catch {
      // Perhaps from the other place.
      continue
    }
    return require(path)
  }
  throw new LoomError(
    'LOOM_PLATFORM',
    `The compile step of JSX needs the package ${name}: npm install --save-dev @babel/parser magic-string`,
  )
}
