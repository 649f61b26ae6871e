/** A file of its own: Node before 22.15 has no `registerHooks`, and runs this file on a thread of its own. */

import type { MessagePort } from 'node:worker_threads'
import { newest, type Versions } from './versions'

const versions: Versions = new Map()

/** Changes are told before anything is loaded, and loading waits for the answer. */
export function initialize({ port }: { port: MessagePort }): void {
  port.on('message', (changed: [url: string, version: number][]) => {
    for (const [url, version] of changed) versions.set(url, version)
    port.postMessage('known')
  })
  port.unref()
}

export async function resolve<C, R extends { url: string }>(
  specifier: string,
  context: C,
  next: (specifier: string, context: C) => Promise<R>,
): Promise<R> {
  return newest(await next(specifier, context), versions)
}
