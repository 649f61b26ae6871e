import { readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, sep } from 'node:path'

/** The endings that are tried for an import, as TypeScript and the bundlers write and resolve them. */
const ENDINGS = ['', '.ts', '.tsx', '.mts', '.cts', '.js', '.mjs', '.cjs', '.jsx']
/** `./table.js` is `./table.ts` in TypeScript. */
const WRITTEN = /\.([mc]?)jsx?$/

const SPECIFIER = /\b(?:from|import|require)\s*(?:\(\s*)?(['"])([^'"\n]+)\1|\bimport\s*\(\s*`([^`$\n]+)`/g

/** Nobody writes a larger source file by hand. */
const MOST_BYTES = 2 << 20

interface Known {
  readonly at: number
  readonly imports: readonly string[]
}

/**
 * Which files import which. The imports are read from the files' texts, because Node does not say which files were
 * loaded before somebody asked. A comment that looks like an import counts as one, and does no harm: a module may be
 * loaded again needlessly.
 */
export class Imports {
  private readonly known = new Map<string, Known>()

  /** All files that these reach, each with the files that import it. */
  importersFrom(files: Iterable<string>): Map<string, Set<string>> {
    const importers = new Map<string, Set<string>>()
    const open = [...files]
    for (const file of open) importers.set(file, importers.get(file) ?? new Set())
    for (let from = open.pop(); from !== undefined; from = open.pop()) {
      for (const to of this.of(from)) {
        let set = importers.get(to)
        if (set === undefined) {
          importers.set(to, (set = new Set()))
          open.push(to)
        }
        set.add(from)
      }
    }
    for (const file of this.known.keys()) if (!importers.has(file)) this.known.delete(file)
    return importers
  }

  private of(file: string): readonly string[] {
    const stat = statSync(file, { throwIfNoEntry: false })
    if (stat === undefined || !stat.isFile() || stat.size > MOST_BYTES) return []
    const known = this.known.get(file)
    if (known?.at === stat.mtimeMs) return known.imports
    const imports = importsIn(file)
    this.known.set(file, { at: stat.mtimeMs, imports })
    return imports
  }
}

function importsIn(file: string): string[] {
  if (file.endsWith('.json')) return []
  const found = new Set<string>()
  for (const [, , quoted, ticked] of readFileSync(file, 'utf8').matchAll(SPECIFIER)) {
    const path = resolved(file, quoted ?? ticked ?? '')
    if (path !== undefined && path !== file) found.add(path)
  }
  return [...found]
}

/** The file that the specifier names; `undefined` if it is in a package, or if there is no such file. */
function resolved(from: string, specifier: string): string | undefined {
  if (/^\.\.?(\/|$)/.test(specifier)) {
    const path = join(dirname(from), specifier.replace(/\?.*$/, ''))
    for (const base of [path, path.replace(WRITTEN, '.$1'), join(path, 'index')]) {
      for (const ending of ENDINGS) {
        const file = base.endsWith('.') ? base + ending.slice(1) : base + ending
        if (statSync(file, { throwIfNoEntry: false })?.isFile() === true) return file
      }
      // `.mjs` is `.mts`.
      const typed = base.replace(/\.([mc])$/, '.$1ts')
      if (typed !== base && statSync(typed, { throwIfNoEntry: false })?.isFile() === true) return typed
    }
    return undefined
  }
  if (specifier.startsWith('node:')) return undefined
  try {
    // `#pages`, and packages of the same repository.
    const file = createRequire(from).resolve(specifier)
    return file.includes(`${sep}node_modules${sep}`) || !file.includes(sep) ? undefined : file
  } catch {
    return undefined
  }
}
