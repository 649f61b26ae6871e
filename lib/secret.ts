import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { invalid } from './check'
import { LoomError } from './errors'

/** The secrets that seal and open tokens, checked. */
export function secretsOf(secret: unknown, development: boolean): string[] {
  if (secret === undefined || secret === '') {
    if (development) return [developmentSecret()]
    throw new LoomError(
      'LOOM_SECRET',
      'createLoom needs a secret of at least 32 bytes in production: set LOOM_SECRET to the output of ' +
        '`openssl rand -base64 48` and pass { secret: process.env.LOOM_SECRET }',
    )
  }
  const secrets: unknown[] = Array.isArray(secret) ? secret : [secret]
  for (const [index, each] of secrets.entries()) {
    if (typeof each !== 'string') throw invalid('a string', `secret ${index + 1}`, each)
    const bytes = Buffer.byteLength(each)
    if (bytes < 32) {
      throw new LoomError(
        'LOOM_SECRET',
        `Expected at least 32 bytes for secret ${index + 1} but received ${bytes}; ` +
          '`openssl rand -base64 48` makes one',
      )
    }
  }
  if (secrets.length === 0) throw invalid('at least one secret', 'secret', secret)
  return secrets as string[]
}

/**
 * A secret for this machine. The secret is kept in a file, so that open pages outlive a restart of the development
 * server. The file is in `node_modules/.cache`, which git repositories do not track.
 */
function developmentSecret(): string {
  const folder = nearestNodeModules(process.cwd())
  const made = randomBytes(48).toString('base64')
  if (folder === undefined) return made
  const file = join(folder, '.cache', 'loom-live', 'secret')
  try {
    if (existsSync(file)) {
      const kept = readFileSync(file, 'utf8').trim()
      if (Buffer.byteLength(kept) >= 32) return kept
    }
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, made, { mode: 0o600 })
  } catch {
    // The folder may be read-only. Pages then have to be reloaded after a restart.
  }
  return made
}

function nearestNodeModules(start: string): string | undefined {
  for (let folder = start; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules')
    if (existsSync(candidate)) return candidate
    if (dirname(folder) === folder) return undefined
  }
}
