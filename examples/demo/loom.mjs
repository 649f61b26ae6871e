import { createLoom } from 'loom-live'

/** The application's loom: every component registers itself with it. */
export const loom = createLoom({ secret: process.env.LOOM_SECRET })
