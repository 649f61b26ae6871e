// Reads a page's Content-Security-Policy: does it forbid the client's script or its socket? For development only.

interface WithResponse {
  res?: { getHeader?(name: string): unknown; getHeaders?: unknown }
}

/** The sources of each directive, by lower-case name. If a name comes twice, the first counts, as in browsers. */
function directivesOf(policy: string): Map<string, string[]> {
  const directives = new Map<string, string[]>()
  for (const directive of policy.split(';')) {
    const [name = '', ...sources] = directive.trim().split(/\s+/)
    if (name !== '' && !directives.has(name.toLowerCase()))
      directives.set(
        name.toLowerCase(),
        sources.map((source) => source.toLowerCase()),
      )
  }
  return directives
}

/** Whether the sources may allow the page's own host. Any host counts, because only the browser knows the page's. */
const allowsOwn = (sources: string[]): boolean =>
  sources.some((source) => !source.startsWith("'") || source === "'self'")

function forbidden(policy: string): string | undefined {
  const directives = directivesOf(policy)
  const found = (names: string[]): [string, string[]] | undefined => {
    for (const name of names) {
      const sources = directives.get(name)
      if (sources !== undefined) return [name, sources]
    }
    return undefined
  }
  const connect = found(['connect-src', 'default-src'])
  if (connect !== undefined && !allowsOwn(connect[1])) {
    return `${[connect[0], ...connect[1]].join(' ')}, which forbids the WebSocket. Add connect-src 'self'`
  }
  const script = found(['script-src-elem', 'script-src', 'default-src'])
  if (
    script !== undefined &&
    !allowsOwn(script[1]) &&
    !script[1].some((source) => /^'(nonce-|sha\d+-|strict-dynamic')/.test(source))
  ) {
    return `${[script[0], ...script[1]].join(' ')}, which forbids the client's script. Add script-src 'self'`
  }
  return undefined
}

/**
 * The directive of the page's Content-Security-Policy that forbids the client, and what to do about it; `undefined` if
 * nothing forbids the client. The policy is read from the request's response, which only Express' requests know.
 */
export function forbiddenBy(request: object | undefined): string | undefined {
  const { res } = (request ?? {}) as WithResponse
  const header = res?.getHeader?.('content-security-policy')
  const policies = (Array.isArray(header) ? header : [header]).filter((one): one is string => typeof one === 'string')
  for (const policy of policies.flatMap((one) => one.split(','))) {
    const found = forbidden(policy)
    if (found !== undefined) return found
  }
  return undefined
}
