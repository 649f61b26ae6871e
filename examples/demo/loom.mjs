import { createLoom } from 'loom-live'

/** The application's loom: every component registers itself with it. */
export const loom = createLoom({ secret: process.env.LOOM_SECRET })

/** Aborted when the server ends: what runs beside the pages stops then, and publishes nothing more. */
export const ending = new AbortController()
