import { join } from 'node:path'
import { familySync, MUSL } from 'detect-libc'

/** How napi-rs calls this platform. */
export const PLATFORM = [
  process.platform,
  process.arch,
  ...(process.platform === 'linux' ? [familySync() === MUSL ? 'musl' : 'gnu'] : []),
  ...(process.platform === 'win32' ? ['msvc'] : []),
].join('-')

/** The addon's file, and the package that it comes in. */
export const ADDON_FILE = `loom-live.${PLATFORM}.node`
export const ADDON_PACKAGE = `@loom-live/native-${PLATFORM}`

/** The addon that the repository has built. */
export const BUILT_ADDON = join(__dirname, '../../native', ADDON_FILE)
