/** Waiting for something to happen, never for time to pass. */

/** How long a test waits at most: much longer than anything takes, so that no test fails on a busy machine. */
export const PATIENCE = 15_000

/** Calls `look` again and again until it gives something other than `undefined`, `null` and `false`. */
export async function until<T>(what: string, look: () => T | Promise<T>): Promise<NonNullable<T>> {
  const end = Date.now() + PATIENCE
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== null && found !== false) return found
    if (Date.now() > end) throw new Error(`Expected ${what} within ${PATIENCE} ms`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** As `until`, for much work: waits for as long as `progress` gives something else now and then. */
export async function untilAllIsDone(what: string, isDone: () => boolean, progress: () => unknown): Promise<void> {
  for (;;) {
    const before = progress()
    await until(`${what}, or some of it,`, () => isDone() || progress() !== before)
    if (isDone()) return
  }
}

/** The promise's outcome; after `PATIENCE`, an error that names what did not happen. */
export async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`Expected ${what} within ${PATIENCE} ms`))
    }, PATIENCE)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** A promise that the test settles. */
export class Gate<T = void> {
  readonly promise: Promise<T>
  open!: (value: T) => void
  fail!: (error: unknown) => void

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.open = resolve
      this.fail = reject
    })
  }
}

/** Waits for one turn of the event loop: every promise that can settle without waiting has settled then. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
