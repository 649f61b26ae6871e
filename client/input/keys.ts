/** Which key an event is of, as the modifiers of bindings name keys. */

/** Names that are shorter, or that an attribute's name cannot hold. */
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
 * character than the one that a chord is named by: then it is the key at the place of that letter.
 */
export function keyOf({ key, code }: KeyboardEvent): string | undefined {
  const letter = /^(?:Key|Digit)(.)$/.exec(code)?.[1]
  return (letter !== undefined && key > '\x7f' && key.length === 1 ? letter : key)?.toLowerCase()
}
