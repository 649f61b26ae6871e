import { brotliCompressSync } from 'node:zlib'
import { clientBundle } from './fake_server'

/**
 * Every page loads the client, and those that need them the others: what makes them larger has to be worth it. The
 * client's bound includes pushes from the server, revisions, long text that goes on, tables, what scripts and commands
 * have made of classes and attributes, and the look for what the
 * others are needed for, and when the next try for a connection is; that of fields, which of them have been left, what the server says of them, which forms are
 * dirty, what rests while a form is sent, what controls hold, and the lines of edited texts.
 */
test.each([
  ['client', 10_990],
  ['fields', 4_920],
  ['bindings', 1_990],
  ['visible', 1_230],
  ['commands', 3_180],
  ['recovery', 1_420],
  ['uploads', 2_900],
  ['navigation', 3_620],
  ['hooks', 1_500],
  ['flash', 1_750],
  ['status', 1_460],
] as const)('the file %s is small', (name, most) => {
  // As the server compresses it: quality 11 is zlib's default.
  expect(brotliCompressSync(clientBundle(name)).length).toBeLessThanOrEqual(most)
})
