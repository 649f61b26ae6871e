import { brotliCompressSync } from 'node:zlib'
import { clientBundle } from './fake_server'

/** Every page loads it: what makes it larger has to be worth it. */
const MOST_BYTES = 10_650

test('the client is small', () => {
  // As the server compresses it: quality 11 is zlib's default.
  expect(brotliCompressSync(clientBundle()).length).toBeLessThanOrEqual(MOST_BYTES)
})
