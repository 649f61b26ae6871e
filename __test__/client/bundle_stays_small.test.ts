import { brotliCompressSync } from 'node:zlib'
import { clientBundle } from './fake_server'

/**
 * Every page loads the client, and those that need them the others: what makes them larger has to be worth it. The
 * client's bound includes pushes from the server, revisions, long text that goes on, tables, and the look for what the
 * others are needed for; that of fields, which of them have been left, what the server says of them, which forms are
 * dirty, and what rests while a form is sent.
 */
test.each([
  ['client', 10_200],
  ['fields', 4_800],
  ['bindings', 1_820],
  ['recovery', 1_420],
  ['uploads', 2_900],
] as const)('the file %s is small', (name, most) => {
  // As the server compresses it: quality 11 is zlib's default.
  expect(brotliCompressSync(clientBundle(name)).length).toBeLessThanOrEqual(most)
})
