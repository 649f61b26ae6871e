/** The library whose pages are tested. There is one copy of it: two copies would not know each other's templates. */

import type { Seam } from '../seam'

// eslint-disable-next-line @typescript-eslint/no-require-imports
export const { createLoom, LoomError } = require('./index.cjs') as typeof import('../index')

/** The seam of a loom, from lib/loom.ts. @throws LoomError if it is given no loom. */
export const seamOf = Reflect.get(createLoom, Symbol.for('loom-live.testing')) as (loom: unknown) => Seam
