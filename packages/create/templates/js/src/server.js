import { start } from './app.js'
import { loom } from './loom.js'

if (process.env.NODE_ENV !== 'production') loom.watch()

const { port, close } = await start(Number(process.env.PORT ?? 3000))
console.log(`http://127.0.0.1:${port}`)

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, async () => {
    // Should something else hold the process.
    setTimeout(() => process.exit(1), 15_000).unref()
    await close()
  })
}
