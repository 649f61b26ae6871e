// The errors for a missing addon: the loader's own words first, then the system, the cause and the mend.

import { statSync } from 'node:fs'
import { LoomError, textOf } from './errors'
import { packageOf, platform, platforms, systemInWords } from './platform'

const FROM_SOURCE =
  'Build the addon from the repository (README, "Building from source"), and name its file in NAPI_RS_NATIVE_LIBRARY_PATH.'

function failure(cause: unknown, ...lines: readonly string[]): LoomError {
  // A loader's "Require stack" names our own files only.
  const said = textOf(cause).replace(/\nRequire stack:[^]*/, '')
  return new LoomError('LOOM_PLATFORM', [said, ...lines].join('\n'), { cause })
}

/** No addon is made for systems of this kind. */
export function notForSystem(cause: unknown): LoomError {
  return failure(
    cause,
    `loom-live has no ready addon for this system, ${platform} (${systemInWords()}). There are addons for ${platforms.join(', ')}.`,
    FROM_SOURCE,
  )
}

/** `wanted`, a package or a file, is not there. `isInstalled` says whether the package of a platform is there. */
export function notFound(cause: unknown, wanted: string, isInstalled: (platform: string) => boolean): LoomError {
  if (wanted !== packageOf(platform)) {
    return failure(
      cause,
      `The environment variable NAPI_RS_NATIVE_LIBRARY_PATH names ${wanted} as loom-live's addon, and there is no such file.`,
      `Name the file by its whole path, or unset the variable.`,
    )
  }
  const missing = `loom-live found no addon for this system, ${platform} (${systemInWords()}): the package ${wanted} is not installed.`
  const others = platforms.filter(isInstalled)
  if (others.length > 0) {
    return failure(
      cause,
      missing,
      `Installed is ${others.map(packageOf).join(', ')}: node_modules was made on another system, and copied to this one.`,
      '- Delete node_modules, and install again on this system.',
      '- In Docker, install in an image with the C library of the last stage: Debian, Ubuntu and "slim" images have glibc, Alpine has musl. ' +
        'Write node_modules into .dockerignore, so that it is not copied from your own machine.',
    )
  }
  return failure(
    cause,
    missing,
    'It is an optional dependency of loom-live. It is missing for one of these reasons:',
    '- Optional dependencies were left out (npm: --omit=optional, pnpm: --no-optional, yarn: --ignore-optional, Bun: --omit optional, ' +
      'or a setting in .npmrc): install again with optional dependencies.',
    '- The lock file was made on another system, and does not list the package: delete node_modules and the lock file, and install again.',
    '- A bundler or a Docker stage copied loom-live without its packages: mark loom-live as external, and install in the folder that ' +
      'is deployed, or copy node_modules/@loom-live, too.',
  )
}

/** The addon's package belongs to another version of loom-live. */
export function otherVersion(ours: string, its: string): LoomError {
  return failure(
    `${packageOf(platform)} has version ${its}, and loom-live has version ${ours}: both have to be the same.`,
    `An "overrides" or "resolutions" of package.json, or a cache of node_modules, holds an old version: remove the entry or the cache, delete node_modules, and install again.`,
  )
}

function sizeOf(file: string): string {
  try {
    return `${statSync(file).size} bytes`
  } catch {
    return 'a size that cannot be read'
  }
}

const DAMAGED = /invalid ELF header|file too short|truncated|not a mach-o|slice is not valid|not a valid Win32/i
const OTHER_LIBC = /GLIBC|libc\.so|libc\.musl|ld-linux|ld-musl|relocating|symbol not found|undefined symbol/i

/** The addon is there, and the system's loader refuses it. */
export function notLoaded(cause: unknown, file: string): LoomError {
  const said = textOf(cause)
  const damaged = `- The file is damaged or incomplete: delete node_modules, and install again.`
  const libc =
    '- The C library of this system is too old, or is not the one that the addon is made for. The addons for glibc need version 2.17 or newer; Alpine needs the package whose ' +
    'name ends in -musl. Delete node_modules, and install again on the system that runs the application. ' +
    'In Docker, install in an image with the C library of the last stage.'
  const isDamaged = DAMAGED.test(said)
  const isLibc = OTHER_LIBC.test(said)
  return failure(
    cause,
    `loom-live's addon is there, but this system, ${platform} (${systemInWords()}), could not load it: ${file}, ${sizeOf(file)}.`,
    ...(isLibc && !isDamaged ? [] : [damaged]),
    ...(isDamaged && !isLibc ? [] : [libc]),
    `If that does not help: ${FROM_SOURCE}`,
  )
}
