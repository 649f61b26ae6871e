// Reads a handler's source for signs of a mistake. In development only, and only after the handler has returned nothing
// and changed nothing: so if the source merely looks like a mistake, all that happens is a needless warning.

/** The source without comments, and without strings that look like comments. */
const bare = (source: string): string => source.replace(/\/\*[^]*?\*\/|(?<!:)\/\/.*$/gm, ' ')

/** The names that a function's first parameter declares: `props`, or those of a pattern such as `{ count }`. */
function parameters(text: string): { names: string[]; body: string } {
  const source = bare(text).trim()
  const start =
    /^(?:async\b)?\s*(?:function\b)?\s*\*?\s*(?:(?:["'`][^"'`]*["'`]|\[[^\]]*\]|[\w$]+)\s*(?=\())?/.exec(source)?.[0]
      .length ?? 0
  const rest = source.slice(start)
  const single = /^([\w$]+)\s*=>/.exec(rest)
  if (single !== null) return { names: [single[1] ?? ''], body: rest.slice(single[0].length) }
  if (!rest.startsWith('(')) return { names: [], body: '' }
  // Finds the end of the first parameter, and the end of the list.
  let depth = 0
  let first = 0
  let end = 0
  for (let at = 0; at < rest.length && end === 0; at++) {
    const char = rest.charAt(at)
    if ('([{'.includes(char)) depth++
    else if (')]}'.includes(char)) depth--
    if (first === 0 && ((depth === 1 && char === ',') || depth === 0)) first = at
    if (depth === 0) end = at
  }
  const parameter = rest.slice(1, first).trim()
  const pattern = /^[{[]([^]*)[}\]]\s*(?:=[^]*)?$/.exec(parameter)
  const names =
    pattern === null
      ? [/^[\w$]+/.exec(parameter)?.[0] ?? '']
      : [...(pattern[1] ?? '').matchAll(/(?:^|[,{[])\s*(?:\.\.\.)?([\w$]+)\s*(?::\s*([\w$]+))?/g)].map(
          ([, name = '', renamed]) => renamed ?? name,
        )
  return { names: names.filter((name) => name !== ''), body: rest.slice(end + 1) }
}

const named = (name: string): string => `(?<![\\w$.])${name.replaceAll('$', '\\$')}`

/** The name of the handler's first parameter, if the handler assigns to it. Nobody else sees such an assignment. */
export function setsPropsAnew(source: string): string | undefined {
  const { names, body } = parameters(source)
  return names.find((name) => {
    const assigned = new RegExp(
      `${named(name)}\\s*(?:(?:[-+*/%&|^]|\\*\\*|<<|>>>?|&&|\\|\\||\\?\\?)?=(?![=>])|\\+\\+|--)`,
    )
    const counted = new RegExp(`(?:\\+\\+|--)\\s*${named(name)}(?![\\w$.[])`)
    // A variable of the same name in an inner block is another variable, so assignments do not count then.
    const declared = new RegExp(`\\b(?:let|const|var)\\s+${name.replaceAll('$', '\\$')}(?![\\w$])`)
    return (assigned.test(body) && !declared.test(body)) || counted.test(body)
  })
}

/** The name of a variable that holds a copy of the props and that the handler changes. */
export function changesCopy(source: string): string | undefined {
  const { names, body } = parameters(source)
  for (const name of names) {
    const own = `${name.replaceAll('$', '\\$')}(?![\\w$])`
    const copy = `(?:\\{\\s*\\.\\.\\.\\s*${own}|structuredClone\\(\\s*${own}|JSON\\.parse\\(|Object\\.assign\\(\\s*\\{\\s*\\}\\s*,\\s*${own})`
    for (const [, variable = ''] of body.matchAll(
      new RegExp(`\\b(?:let|const|var)\\s+([\\w$]+)\\s*=\\s*${copy}`, 'g'),
    )) {
      const member = `${named(variable)}(?:\\.[\\w$]+|\\[[^\\]]*\\])+`
      if (
        new RegExp(
          `${member}\\s*(?:(?:[-+*/%&|^]|&&|\\|\\||\\?\\?)?=(?![=>])|\\+\\+|--|\\()|(?:\\+\\+|--)\\s*${member}`,
        ).test(body)
      )
        return variable
    }
  }
  return undefined
}

/** Whether the body is a block that was meant as an object: `(props) => { count: props.count + 1 }`. */
export function isBlockForObject(source: string): boolean {
  return /=>\s*\{\s*[\w$]+\s*:(?!\s*(?:for|while|do|\{))/.test(bare(source))
}
