import { loadJsx } from './jsx-compiler'

/**
 * The loader for webpack and Rspack: `{ test: /\.tsx$/, use: ['swc-loader', 'loom-live/jsx-loader'] }`. It stands after
 * `swc-loader`, because loaders run from the last to the first. Its result is TypeScript without JSX.
 */
export = loadJsx
