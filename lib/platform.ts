import { familySync, MUSL, versionSync } from 'detect-libc'

/** The platforms that have a ready addon. The build puts them here, from the targets in package.json. */
declare const ADDON_PLATFORMS: readonly string[]

export const platforms = ADDON_PLATFORMS

function nameHere(): string {
  const { platform, arch } = process
  if (platform === 'linux') return `${platform}-${arch}-${familySync() === MUSL ? 'musl' : 'gnu'}`
  return platform === 'win32' ? `${platform}-${arch}-msvc` : `${platform}-${arch}`
}

/** The platform of this process, as napi-rs calls it: `linux-x64-gnu`. */
export const platform = nameHere()

/** The package with the addon of a platform. */
export const packageOf = (name: string): string => `@loom-live/native-${name}`

export const fileOf = (name: string): string => `loom-live.${name}.node`

/** The system in words, for messages: `Linux x64, glibc 2.36, Node.js 22.21.0`. */
export function systemInWords(): string {
  const systems: Partial<Record<NodeJS.Platform, string>> = { linux: 'Linux', darwin: 'macOS', win32: 'Windows' }
  const words = [`${systems[process.platform] ?? process.platform} ${process.arch}`]
  if (process.platform === 'linux')
    words.push(`${familySync() ?? 'a C library that is not known'} ${versionSync() ?? ''}`.trim())
  const { bun, deno } = process.versions
  const runtime =
    bun !== undefined ? `Bun ${bun}` : deno !== undefined ? `Deno ${deno}` : `Node.js ${process.versions.node}`
  return [...words, runtime].join(', ')
}
