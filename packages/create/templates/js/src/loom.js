import { createLoom } from 'loom-live'

// In development the secret may be left out. In production all processes have the same one, also after a deploy.
export const loom = createLoom({ secret: process.env.LOOM_SECRET })
