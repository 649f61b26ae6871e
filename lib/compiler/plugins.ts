// The compile step for the usual build tools. Each adapter hands files over, and reports a file's mistakes in its
// tool's own way.

import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { compileJsx, type Compiled } from './compile'
import { JsxError } from './mistakes'

export interface PluginOptions {
  /** Which files are compiled, by their path. By default `.jsx` and `.tsx` outside of `node_modules`. */
  readonly include?: RegExp
}

const FILES = /\.[jt]sx$/
const ELSEWHERE = /[\\/]node_modules[\\/]/

function isOurs(path: string, { include }: PluginOptions): boolean {
  return include === undefined ? FILES.test(path) && !ELSEWHERE.test(path) : path.search(include) >= 0
}

// The parts of the tools' own types that are needed here: an application has one of these tools, or none.

interface EsbuildMessage {
  text: string
  location: { file: string; line: number; column: number } | null
}

interface EsbuildResult {
  contents?: string
  loader?: 'jsx' | 'tsx'
  errors?: EsbuildMessage[]
}

export interface EsbuildPlugin {
  name: string
  setup(build: {
    onLoad(options: { filter: RegExp }, load: (args: { path: string }) => Promise<EsbuildResult | undefined>): void
  }): void
}

/** The plugin for esbuild: `build({ plugins: [esbuildJsx()] })`. */
export function esbuildJsx(options: PluginOptions = {}): EsbuildPlugin {
  return {
    name: 'loom-live-jsx',
    setup(build) {
      build.onLoad({ filter: options.include ?? FILES }, async ({ path }) => {
        if (!isOurs(path, options)) return undefined
        const source = await readFile(path, 'utf8')
        try {
          const compiled = compileJsx(source, { filename: path })
          if (compiled === undefined) return undefined
          const loader = extname(path) === '.jsx' || extname(path) === '.js' ? 'jsx' : 'tsx'
          return { contents: withMap(compiled), loader }
        } catch (error) {
          if (!(error instanceof JsxError)) throw error
          return { errors: [{ text: error.text, location: { file: path, line: error.line, column: error.column } }] }
        }
      })
    },
  }
}

function withMap({ code, map }: Compiled): string {
  return `${code}\n//# sourceMappingURL=${map.toUrl()}`
}

export interface VitePlugin {
  name: string
  enforce: 'pre'
  transform(
    this: {
      error(message: { message: string; id: string; loc: { file: string; line: number; column: number } }): never
    },
    code: string,
    id: string,
  ): { code: string; map: string } | undefined
}

/** The plugin for Vite, and for Rollup and Rolldown if they are told how to read TypeScript: `plugins: [viteJsx()]`. */
export function viteJsx(options: PluginOptions = {}): VitePlugin {
  return {
    name: 'loom-live-jsx',
    // Before Vite makes JavaScript of TypeScript and of JSX.
    enforce: 'pre',
    transform(code, id) {
      const [path = ''] = id.split(/[?#]/)
      if (!isOurs(path, options)) return undefined
      try {
        const compiled = compileJsx(code, { filename: path })
        return compiled === undefined ? undefined : { code: compiled.code, map: compiled.map.toString() }
      } catch (error) {
        if (!(error instanceof JsxError)) throw error
        return this.error({
          message: error.text,
          id,
          loc: { file: path, line: error.line, column: error.column },
        })
      }
    },
  }
}

interface LoaderContext {
  readonly resourcePath: string
  callback(error: Error | null, code?: string, map?: unknown): void
}

/**
 * The loader for webpack and Rspack. It has to run before swc's, so it is listed behind `swc-loader`: loaders run from
 * the last to the first. Its result is TypeScript without JSX.
 */
export function loadJsx(this: LoaderContext, code: string, map?: unknown): void {
  try {
    const compiled = compileJsx(code, { filename: this.resourcePath })
    if (compiled === undefined) this.callback(null, code, map)
    else this.callback(null, compiled.code, compiled.map)
  } catch (error) {
    this.callback(error as Error)
  }
}
