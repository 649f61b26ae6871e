/** What the looms of a test file have beside its own options. A file that runs the tests of another one changes it. */

import type { LoomOptions } from 'loom-live'

export const beside: { options: () => Promise<LoomOptions> } = { options: () => Promise.resolve({}) }
