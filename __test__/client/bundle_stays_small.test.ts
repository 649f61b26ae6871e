import { brotliCompressSync } from 'node:zlib'
import { clientBundle } from './fake_server'

/**
 * Every page loads the client, every page with fields the second, and one with a form that is recovered the third: what
 * makes them larger has to be worth it. The client's bound includes pushes from the server, revisions, long text that
 * goes on, and tables; that of fields, which of them have been left, what the server says of them, which forms are dirty,
 * and what rests while a form is sent.
 */
test.each([
  ['client', 9_870],
  ['fields', 3_930],
  ['recovery', 1_420],
] as const)('the file %s is small', (name, most) => {
  // As the server compresses it: quality 11 is zlib's default.
  expect(brotliCompressSync(clientBundle(name)).length).toBeLessThanOrEqual(most)
})
