import type { Flash, FlashKind } from '../../index'
import { checkString, invalid } from '../check'
import { LoomError } from '../errors'

/** The kinds; `index.d.ts` says what each is for. As in client/flash/with_flash.ts. */
export const KINDS: readonly FlashKind[] = ['info', 'success', 'warning', 'error']

/** The most flashes of one event or message, and the most bytes of their texts: they have to find room in one cookie. */
const MOST = 5
const MOST_BYTES = 2_048

/** The ARIA role: a screen reader says an `alert` at once, and a `status` after its current sentence. */
export function roleOf(kind: FlashKind): 'alert' | 'status' {
  return kind === 'warning' || kind === 'error' ? 'alert' : 'status'
}

/** Checks a flash. `before` are the flashes that the same event or message has asked for. */
export function checkFlash(kind: unknown, text: unknown, before: readonly Flash[]): asserts kind is FlashKind {
  if (!KINDS.includes(kind as FlashKind)) throw invalid(`one of ${KINDS.join(', ')}`, 'the kind of ctx.flash', kind)
  checkString(text, 'the text of ctx.flash')
  const bytes = [...before.map((flash) => flash.text), text].reduce((sum, one) => sum + Buffer.byteLength(one), 0)
  if (before.length < MOST && bytes <= MOST_BYTES) return
  throw new LoomError(
    'LOOM_ARGUMENT',
    `Expected at most ${MOST} flashes of one event or message, with ${MOST_BYTES} bytes of text together, but this would be ` +
      `flash ${before.length + 1}, with ${bytes} bytes; say less, or keep it in the props`,
  )
}

/** Checks a text for screen readers. */
export function checkAnnouncement(text: unknown): asserts text is string {
  checkString(text, 'the text of ctx.announce')
  const bytes = Buffer.byteLength(text)
  if (bytes > MOST_BYTES) throw invalid(`at most ${MOST_BYTES} bytes`, 'the text of ctx.announce', text)
}
