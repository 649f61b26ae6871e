export * from './jsx-dev-runtime.js'
