// An editor of CodeMirror. What is typed stays in the browser; the server is asked what is wrong with it, and saves it.

import { json } from '@codemirror/lang-json'
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language'
import { linter, lintGutter } from '@codemirror/lint'
import { keymap, EditorView } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { basicSetup } from 'codemirror'
import { hook } from '/loom/client.js'

// The page's own colours, light and dark.
const colors = HighlightStyle.define([
  { tag: [tags.string, tags.propertyName], color: 'var(--up)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--accent)' },
])

// CodeMirror draws these with pictures in its styles (`data:`), which the page's policy forbids.
const marks = EditorView.theme({
  '.cm-lintRange-error': { backgroundImage: 'none', textDecoration: 'underline wavy var(--down)' },
  '.cm-lint-marker-error': { content: 'none', width: '0.6em', borderRadius: '50%', backgroundColor: 'var(--down)' },
  '.cm-lint-marker': { height: '0.6em' },
  '.cm-gutters': { color: 'var(--quiet)', backgroundColor: 'transparent' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'transparent' },
  '.cm-content': { caretColor: 'var(--text)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
})

hook('editor', {
  mounted() {
    const place = this.el.querySelector('.code')
    const status = this.el.querySelector('.status')
    // In a shadow root the editor's styles need no inline <style>, which the page's policy forbids.
    const root = place.attachShadow({ mode: 'open' })

    const save = async () => {
      status.textContent = 'Saving …'
      try {
        const { version, problems } = await this.call('save', { text: this.view.state.doc.toString() })
        status.textContent = problems ? `Not saved: ${problems} to mend.` : `Saved as version ${version}.`
      } catch (error) {
        status.textContent = `Not saved: ${error.message}.`
      }
    }
    this.view = new EditorView({
      root,
      parent: root,
      doc: place.dataset.text,
      extensions: [
        basicSetup,
        json(),
        syntaxHighlighting(colors),
        marks,
        lintGutter(),
        linter(async ({ state }) => this.call('check', { text: state.doc.toString() }).catch(() => []), { delay: 300 }),
        keymap.of([{ key: 'Mod-s', preventDefault: true, run: () => (void save(), true) }]),
        EditorView.contentAttributes.of({ 'aria-label': place.dataset.label }),
        EditorView.darkTheme.of(matchMedia('(prefers-color-scheme: dark)').matches),
      ],
    })
    this.el.querySelector('button').addEventListener('click', save)
    this.on('restored', ({ text }) => {
      this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } })
      this.view.focus()
    })
  },
  destroyed() {
    this.view.destroy()
  },
})
