/** Waiting for what is to come, never for time to pass. */

/** Far beyond what anything takes, so that a busy machine fails no test. */
export const PATIENCE = 15_000

/** Polls until `look` gives something. */
export async function until<T>(what: string, look: () => T | Promise<T>): Promise<NonNullable<T>> {
  const end = Date.now() + PATIENCE
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== null && found !== false) return found
    if (Date.now() > end) throw new Error(`Expected ${what} within ${PATIENCE} ms`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** The promise's outcome, or an error that says what did not happen. */
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

/** A turn of the event loop, after which every promise that could settle has. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
