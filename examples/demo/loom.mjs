import { fileURLToPath } from 'node:url'
import { createLoom } from 'loom-live'

/** With several processes (`npm run cluster`) states and topics are in Redis. */
export const redis = process.env.LOOM_REDIS

/** The application's loom: every component registers itself with it. */
export const loom = createLoom({
  secret: process.env.LOOM_SECRET,
  ...(redis && { store: { redis }, backplane: { redis } }),
})

// In development, what is changed in this folder is loaded again, while its pages stay open: see docs/development.md.
if (process.env.NODE_ENV !== 'production') loom.watch({ folder: fileURLToPath(new URL('.', import.meta.url)) })

/** Aborted when the server ends: what runs beside the pages stops then, and publishes nothing more. */
export const ending = new AbortController()
