/**
 * The newest version of each file. Node never drops a module, so a file that is loaded again has another URL. Both
 * kinds of Node's hooks use this file, and one of them runs on a thread of its own: see hooks.ts.
 */

/** By the file's URL, without query. */
export type Versions = Map<string, number>

interface Resolved {
  url: string
}

/** The URL with the newest version, if there is one: of whatever imports the file from now on. */
export function newest<R extends Resolved>(resolved: R, versions: Versions): R {
  const [bare = '', query = ''] = resolved.url.split('?', 2)
  const version = versions.get(bare)
  if (version === undefined || /(^|&)loom=/.test(query)) return resolved
  return { ...resolved, url: `${bare}?${query === '' ? '' : `${query}&`}loom=${version}` }
}
