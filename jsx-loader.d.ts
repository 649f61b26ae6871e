import { loadJsx } from './jsx-compiler'

/** The loader of webpack and Rspack. It is listed behind `swc-loader`, since loaders run from the last to the first. */
export = loadJsx
