/** Ends what a test began, last thing first. */

const ends: (() => unknown)[] = []

export function atEnd(end: () => unknown): void {
  ends.push(end)
}

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})
