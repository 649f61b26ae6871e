// Cards that are dragged with SortableJS. A card stays where it was dropped until the server's answer is there. The server
// changes the page as it has made it, so a card goes back there before each patch.

import Sortable from 'sortablejs'
import { hook } from '/loom/client.js'

hook('board', {
  mounted() {
    /** Where the card stood that was dragged. */
    let before
    this.putBack = () => {
      if (before) before.list.insertBefore(before.card, before.next)
      before = undefined
    }
    const dropped = async ({ item: card }) => {
      const list = card.parentElement
      const at = [...list.querySelectorAll('[data-card]')].indexOf(card)
      try {
        await this.call('move', { card: Number(card.dataset.card), column: list.dataset.column, at })
      } catch {
        this.putBack()
      }
    }
    this.lists = [...this.el.querySelectorAll('[data-column]')].map((list) =>
      Sortable.create(list, {
        group: this.el.id,
        draggable: '[data-card]',
        filter: 'button',
        preventOnFilter: false,
        // The same in all browsers. On a telephone a finger scrolls, unless it rests on a card.
        forceFallback: true,
        delay: 200,
        delayOnTouchOnly: true,
        onStart: ({ item: card }) => (before = { card, list: card.parentElement, next: card.nextSibling }),
        onEnd: dropped,
      }),
    )
    // Moved by a button: the card may be another element by now.
    this.on('moved', ({ card, by }) => {
      const buttons = [...this.el.querySelectorAll(`[data-card="${card}"] button:enabled`)]
      const button = buttons.find(({ dataset }) => dataset.by === by) ?? buttons[0]
      button?.focus()
    })
  },
  beforeUpdate() {
    this.putBack()
  },
  destroyed() {
    for (const list of this.lists) list.destroy()
  },
})
