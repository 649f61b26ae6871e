/** Ends what a test has started, in reverse order. */

const ends: (() => unknown)[] = []

export function atEnd(end: () => unknown): void {
  ends.push(end)
}

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})
