/** Which key an event is of, as the modifiers of bindings name keys. */

/** Other names for keys: shorter ones, and names for keys that an attribute's name cannot hold. */
const ALIASES: Record<string, string | undefined> = {
  'esc': 'escape',
  'del': 'delete',
  'up': 'arrowup',
  'down': 'arrowdown',
  'left': 'arrowleft',
  'right': 'arrowright',
  'space': ' ',
  'dot': '.',
  'slash': '/',
  'equal': '=',
}

/** The key that a modifier means. */
export function keyNamed(word: string): string {
  return ALIASES[word] ?? word
}

/**
 * The key of an event, in lower case. On a keyboard of another script, and with Alt on a Mac, a key makes another
 * character than the letter that names the chord: then the key's place on the keyboard says the letter.
 */
export function keyOf({ key, code }: KeyboardEvent): string | undefined {
  const letter = /^(?:Key|Digit)(.)$/.exec(code)?.[1]
  return (letter !== undefined && key > '\x7f' && key.length === 1 ? letter : key)?.toLowerCase()
}
