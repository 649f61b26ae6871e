/** The library whose pages are tested. There is one copy of it: two copies would not know each other's templates. */
// eslint-disable-next-line @typescript-eslint/no-require-imports
export const { LoomError, seamOf } = require('./index.cjs') as typeof import('../index')
