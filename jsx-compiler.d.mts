export * from './jsx-compiler.js'
