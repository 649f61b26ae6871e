// The compile step: JSX becomes templates of `html`. It runs when an application is built, never in it.

export interface CompileOptions {
  /** For messages and source maps; `.js` and `.jsx` are read as JavaScript, everything else as TypeScript. */
  readonly filename?: string | undefined
  /** What the compiled file imports. `loom-live/jsx-runtime` by default. */
  readonly importSource?: string | undefined
}

export interface Compiled {
  /** What is not JSX is as it was, types included. Each expression is in the line in which it was. */
  readonly code: string
  /** The source map, version 3. */
  readonly map: {
    readonly version: number
    readonly sources: readonly (string | null)[]
    readonly sourcesContent?: readonly (string | null)[] | undefined
    readonly names: readonly string[]
    readonly mappings: string
    /** As JSON. */
    toString(): string
    /** As a `data:` URL. */
    toUrl(): string
  }
}

/**
 * Compiles the JSX of a file. `undefined` if there is nothing to do: the file has no JSX, or a comment gives it another
 * `@jsxImportSource`.
 *
 * @throws JsxError if the file cannot be read, or says what no page can have.
 */
export function compileJsx(code: string, options?: CompileOptions): Compiled | undefined

/** What is wrong with a file, and where. */
export class JsxError extends Error {
  constructor(text: string, file: string | undefined, line: number, column: number, options?: { cause?: unknown })
  readonly code: 'LOOM_TEMPLATE'
  /** What is wrong and what to do, without the place. */
  readonly text: string
  readonly file: string | undefined
  /** Counted from 1. */
  readonly line: number
  /** Counted from 0. */
  readonly column: number
}

export interface PluginOptions {
  /** Which files are compiled, by their path. By default `.jsx` and `.tsx` outside of `node_modules`. */
  readonly include?: RegExp
}

/** What is used of esbuild's plugins. */
export interface EsbuildPlugin {
  name: string
  setup(build: {
    onLoad(
      options: { filter: RegExp },
      load: (args: { path: string }) => Promise<
        | {
            contents?: string
            loader?: 'jsx' | 'tsx'
            errors?: { text: string; location: { file: string; line: number; column: number } | null }[]
          }
        | undefined
      >,
    ): void
  }): void
}

/** The plugin for esbuild: `build({ plugins: [esbuildJsx()] })`. */
export function esbuildJsx(options?: PluginOptions): EsbuildPlugin

/** What is used of Vite's and Rollup's plugins. */
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

/** The plugin for Vite, and for Rollup: `plugins: [viteJsx()]`. */
export function viteJsx(options?: PluginOptions): VitePlugin

/** The loader of webpack and Rspack, which `loom-live/jsx-loader` is. */
export function loadJsx(
  this: { readonly resourcePath: string; callback(error: Error | null, code?: string, map?: unknown): void },
  code: string,
  map?: unknown,
): void
