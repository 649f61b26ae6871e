// The compile step: JSX becomes templates of `html`. It runs when an application is built, and is not a part of the running
// application. It needs `@babel/parser` and `magic-string`, which the application installs.

export interface CompileOptions {
  /**
   * The file's name, for messages and source maps. A name that ends in `.js`, `.jsx`, `.mjs`, `.mjsx`, `.cjs` or `.cjsx` is
   * read as JavaScript; any other file, also one without a name, is read as TypeScript.
   */
  readonly filename?: string | undefined
  /** The module that the compiled file imports. The default is `loom-live/jsx-runtime`. */
  readonly importSource?: string | undefined
}

export interface Compiled {
  /** The file without JSX. All other code is unchanged, types of TypeScript too. Each expression stays in its line. */
  readonly code: string
  /** The source map, version 3. */
  readonly map: {
    readonly version: number
    readonly sources: readonly (string | null)[]
    readonly sourcesContent?: readonly (string | null)[] | undefined
    readonly names: readonly string[]
    readonly mappings: string
    /** The source map as JSON. */
    toString(): string
    /** The source map as a `data:` URL. */
    toUrl(): string
  }
}

/**
 * Compiles the JSX of a file.
 *
 * @returns `undefined` if there is nothing to do: the file has no JSX, or a comment in it names another `@jsxImportSource`.
 * @throws JsxError if the file is not valid JavaScript or TypeScript, or if no page can have an element or an attribute of
 * the file. Throws, too, if `@babel/parser` or `magic-string` is not installed.
 */
export function compileJsx(code: string, options?: CompileOptions): Compiled | undefined

/** Says what is wrong with a file, and at which place. `message` has both. */
export class JsxError extends Error {
  constructor(text: string, file: string | undefined, line: number, column: number, options?: { cause?: unknown })
  readonly code: 'LOOM_TEMPLATE'
  /** The mistake and what to do, without the place. */
  readonly text: string
  /** The option `filename`. */
  readonly file: string | undefined
  /** The line; the first one is 1. */
  readonly line: number
  /** The column; the first one is 0. */
  readonly column: number
}

export interface PluginOptions {
  /** Files whose path this finds are compiled. By default those that end in `.jsx` or `.tsx`, outside of `node_modules`. */
  readonly include?: RegExp
}

/** The part of esbuild's type `Plugin` that is used. */
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

/** The plugin for esbuild: `build({ plugins: [esbuildJsx()] })`. Mistakes are errors of the build. */
export function esbuildJsx(options?: PluginOptions): EsbuildPlugin

/** The part of Vite's and Rollup's types of plugins that is used. */
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

/**
 * The plugin for Vite, and for Rollup and Rolldown if they can read TypeScript: `plugins: [viteJsx()]`. Mistakes are errors
 * of the build.
 */
export function viteJsx(options?: PluginOptions): VitePlugin

/** The loader for webpack and Rspack. The entry `loom-live/jsx-loader` exports it. */
export function loadJsx(
  this: { readonly resourcePath: string; callback(error: Error | null, code?: string, map?: unknown): void },
  code: string,
  map?: unknown,
): void
