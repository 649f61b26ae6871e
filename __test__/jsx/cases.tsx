/** @jsxImportSource loom-live */
// The same trees in `html` and in JSX. `modes.ts` compiles this file in every way there is.

import { createElement, each, Fragment, html, js, on, raw, sanitized, type Tree } from 'loom-live'
import type { Child } from 'loom-live/jsx-runtime'

/** Values that would break out, if anything let them. */
export const EVIL = `</b><script>alert("1")</script>' onclick='x' &amp; &lt; \` \${1} {"a"}`

interface Row {
  id: number
  name: string
  isOpen: boolean
}

const ROWS: readonly Row[] = [
  { id: 1, name: 'one', isOpen: true },
  { id: 2, name: EVIL, isOpen: false },
  { id: 3, name: '', isOpen: true },
]

const yes: boolean = Boolean(1)
const no: boolean = Boolean(0)
const nothing: string | undefined = undefined
const five: number = Number('5')

/** Slots are props. */
function Card({ title, children, footer = null }: { title: string; children?: Child; footer?: Child }): Tree {
  return (
    <section class="card">
      <h2>{title}</h2>
      {children}
      <footer>{footer}</footer>
    </section>
  )
}

const cardOf = (title: string, children: unknown, footer: unknown = null): Tree =>
  html`<section class="card"><h2>${title}</h2>${children}<footer>${footer}</footer></section>`

const Text = ({ of }: { of: string }): Child => of
const Nothing = (): Child => null
const List = ({ items, children }: { items: readonly Row[]; children: (row: Row) => Child }): Tree => (
  <ul>{items.map((row) => children(row))}</ul>
)
const Ui = { Card, parts: { Text } }
const spread = { 'class': 'a', 'title': EVIL, 'data-x': five, 'disabled': no }

export interface Case {
  readonly html: () => Tree
  readonly jsx: () => Tree
}

export const cases: Record<string, Case> = {
  'an element without anything': { html: () => html`<p></p>`, jsx: () => <p /> },
  'text': { html: () => html`<p>Hello, world</p>`, jsx: () => <p>Hello, world</p> },
  'text that has to be escaped': {
    html: () => html`<p title="${'a "b" & \'c\''}">${'1 < 2 && 3 > 2 `${x}` \\'}</p>`,
    jsx: () => (
      <p title="a &quot;b&quot; & 'c'">
        1 &lt; 2 && 3 &gt; 2 `${'{'}x{'}'}` \
      </p>
    ),
  },
  'character references, and what only looks like one': {
    html: () => html`<p>${'\u00a0©\u20ac A B &unknown; &copy &'}</p>`,
    jsx: () => <p>&nbsp;&copy;&euro; &#65; &#x42; &unknown; &copy &amp;</p>,
  },
  'lines and blanks': {
    html: () => html`<p>one two <b>three</b> four<i>five</i> six </p>`,
    jsx: () => (
      <p>
        one two <b>three</b> four
        <i>five</i> six{' '}
      </p>
    ),
  },
  'an attribute of each kind': {
    html: () =>
      html`<a class="x" id="y" href="/a?b=1&amp;c=2" title="${five}" hidden="${no}" aria-expanded="${no}" aria-label="${nothing}" data-a="${yes}" tabindex="0">x</a>`,
    jsx: () => (
      <a
        class="x"
        id="y"
        href="/a?b=1&c=2"
        title={five}
        hidden={no}
        aria-expanded={no}
        aria-label={nothing}
        data-a={yes}
        tabindex="0"
      >
        x
      </a>
    ),
  },
  'boolean attributes': {
    html: () =>
      html`<input disabled="${yes}" checked="${no}" required="${yes}" readonly="${nothing}"><button disabled="${true}"></button>`,
    jsx: () => (
      <>
        <input disabled={yes} checked={no} required readonly={nothing as undefined} />
        <button disabled></button>
      </>
    ),
  },
  'attributes without a value': {
    html: () => html`<p hidden="${true}" title="${true}" data-l-ignore="${true}" contenteditable="${true}"></p>`,
    // @ts-expect-error a title is a text
    jsx: () => <p hidden title data-l-ignore contenteditable></p>,
  },
  'what may stand under another name': {
    html: () => html`<label for="${'a'}" class="${'b'}">x</label><output for="a"></output>`,
    jsx: () => (
      <>
        <label htmlFor="a" className="b">
          x
        </label>
        <output for="a" />
      </>
    ),
  },
  'presence under any name': {
    html: () => html`<x-tab ?active="${yes}" ?data-old="${no}" ?new="${true}"></x-tab>`,
    jsx: () => <x-tab bool={{ 'active': yes, 'data-old': no, 'new': true }}></x-tab>,
  },
  'bindings': {
    html: () =>
      html`<form @submit="save" @input="${'check'}"><button @click="${on('remove', { id: 7 })}" @dblclick="open" @keydown="k">x</button></form>`,
    jsx: () => (
      <form onSubmit="save" onInput={'check'}>
        <button onClick={on('remove', { id: 7 })} onDblClick="open" onKeyDown="k">
          x
        </button>
      </form>
    ),
  },
  'commands, and what is optimistic': {
    html: () =>
      html`<p data-l-input="${js.hide()}" @click="${js.toggle('#menu').focus('#first')}" @dblclick="${on('like').optimistic(js.addClass('liked'))}"></p>`,
    jsx: () => (
      <p
        data-l-input={js.hide()}
        onClick={js.toggle('#menu').focus('#first')}
        onDblClick={on('like').optimistic(js.addClass('liked'))}
      ></p>
    ),
  },
  'bindings with modifiers, and of events of one’s own': {
    html: () =>
      html`<input @keydown.enter.prevent="send" @click.outside="${'close'}" @sl-change="pick" @list:picked="pick"><p @input.debounce.300="x" data-l-prevent="${true}" data-l-click="go"></p>`,
    jsx: () => (
      <>
        <input
          on={{
            'keydown.enter.prevent': 'send',
            'click.outside': 'close' as string,
            'sl-change': 'pick',
            'list:picked': 'pick',
          }}
        />
        <p on={{ 'input.debounce.300': 'x' }} data-l-prevent data-l-click="go"></p>
      </>
    ),
  },
  'handlers that are nobody': {
    html: () => html`<button @click="${nothing}" @focus="${false}">x</button>`,
    jsx: () => (
      <button onClick={nothing} onFocus={false}>
        x
      </button>
    ),
  },
  'styles by property': {
    html: () =>
      html`<p style="color: ${'red'}; background-color: ${nothing}; --size: ${five}; margin: 0; float: ${'left'}">x</p>`,
    jsx: () => (
      <p
        style={{
          'color': 'red' as string,
          'backgroundColor': nothing,
          '--size': five,
          'margin': 0,
          'cssFloat': 'left' as string,
        }}
      >
        x
      </p>
    ),
  },
  'a style as a text': {
    html: () => html`<p style="${'color: red'}"></p><p style="${`width: ${five}%`}"></p><p style="${nothing}"></p>`,
    jsx: () => (
      <>
        <p style="color: red" />
        <p style={`width: ${five}%`} />
        <p style={nothing} />
      </>
    ),
  },
  'a style that breaks out is left out': {
    html: () => html`<p style="color: ${'red; position: fixed'}"></p>`,
    jsx: () => <p style={{ color: 'red; position: fixed' as string }} />,
  },
  'elements without an end': {
    html: () => html`<p>a<br>b<img src="/x.png" alt=""><wbr></p>`,
    jsx: () => (
      <p>
        a<br />b<img src="/x.png" alt="" />
        <wbr></wbr>
      </p>
    ),
  },
  'fragments': {
    html: () => html`<p>a</p>b<i>${'c'}</i>`,
    jsx: () => (
      <>
        <p>a</p>b
        <>
          <i>{'c' as string}</i>
        </>
      </>
    ),
  },
  'a fragment of one text, and of nothing': {
    html: () => html`<p>${'x'}${''}</p>`,
    jsx: () => (
      <p>
        <>x</>
        <></>
      </p>
    ),
  },
  'values that are no text': {
    html: () => html`<p>${null}${undefined}${false}${0}${-1.5}${10n}${NaN}${''}${true}</p>`,
    jsx: () => (
      <p>
        {null}
        {undefined}
        {false}
        {0}
        {-1.5}
        {10n}
        {NaN}
        {''}
        {true}
      </p>
    ),
  },
  'what is there or not': {
    html: () => html`<p>${yes && html`<b>yes</b>`}${no && html`<b>no</b>`}${no ? html`<i>1</i>` : html`<u>2</u>`}</p>`,
    jsx: () => (
      <p>
        {yes && <b>yes</b>}
        {no && <b>no</b>}
        {no ? <i>1</i> : <u>2</u>}
      </p>
    ),
  },
  'HTML of one’s own and of users': {
    html: () => html`<div>${raw('<hr>&')}${sanitized('<i data-l-click="x">1</i>')}${html`<b>${EVIL}</b>`}</div>`,
    jsx: () => (
      <div>
        {raw('<hr>&')}
        {sanitized('<i data-l-click="x">1</i>')}
        {html`<b>${EVIL}</b>`}
      </div>
    ),
  },
  'JSX in html': {
    html: () => html`<main>${html`<p class="a">${EVIL}</p>`}${ROWS.map(({ id }) => html`<i>${id}</i>`)}</main>`,
    jsx: () => html`<main>${(<p class="a">{EVIL}</p>)}${ROWS.map(({ id }) => <i key={id}>{id}</i>)}</main>`,
  },
  'a list with keys': {
    html: () => html`<ul>${ROWS.map(({ name }) => html`<li>${name}</li>`)}</ul>`,
    jsx: () => (
      <ul>
        {ROWS.map(({ id, name }) => (
          <li key={id}>{name}</li>
        ))}
      </ul>
    ),
  },
  'a list of lists, and no rows': {
    html: () =>
      html`<ul>${ROWS.map(({ id }) => html`<li>${[1, 2].map((n) => html`<b>${id}${n}</b>`)}</li>`)}${[]}</ul>`,
    jsx: () => (
      <ul>
        {ROWS.map(({ id }) => (
          <li key={id}>
            {[1, 2].map((n) => (
              <b key={n}>
                {id}
                {n}
              </b>
            ))}
          </li>
        ))}
        {[]}
      </ul>
    ),
  },
  'each': {
    html: () =>
      html`<table><tbody>${each(
        ROWS,
        (row) => row.id,
        (row) => html`<tr class="r"><td>${row.name}</td></tr>`,
      )}</tbody></table>`,
    jsx: () => (
      <table>
        <tbody>
          {each(
            ROWS,
            (row) => row.id,
            (row) => (
              <tr class="r">
                <td>{row.name}</td>
              </tr>
            ),
          )}
        </tbody>
      </table>
    ),
  },
  'fragments with keys': {
    html: () => html`<dl>${ROWS.map(({ id, name }) => html`<dt>${id}</dt><dd>${name}</dd>`)}</dl>`,
    jsx: () => (
      <dl>
        {ROWS.map(({ id, name }) => (
          <Fragment key={id}>
            <dt>{id}</dt>
            <dd>{name}</dd>
          </Fragment>
        ))}
      </dl>
    ),
  },
  'components with one child, several and none': {
    html: () =>
      html`${cardOf(EVIL, html`<p>1</p>`)}${cardOf('b', html`<p>1</p>two<p>3</p>`, html`<i>4</i>`)}${cardOf('c', null)}${cardOf('d', 'text')}${cardOf('e', 5)}`,
    jsx: () => (
      <>
        <Card title={EVIL}>
          <p>1</p>
        </Card>
        <Card title="b" footer={<i>4</i>}>
          <p>1</p>
          two
          <p>3</p>
        </Card>
        <Card title="c" />
        <Card title="d">text</Card>
        <Ui.Card title={'e'}>{five}</Ui.Card>
      </>
    ),
  },
  'components that give a text, nothing, or call their children': {
    html: () => html`<p>${'<'}${null}</p><ul>${ROWS.map(({ name }) => html`<li>${name}</li>`)}</ul>`,
    jsx: () => (
      <>
        <p>
          <Ui.parts.Text of="<" />
          <Nothing />
        </p>
        <List items={ROWS}>{(row) => <li key={row.id}>{row.name}</li>}</List>
      </>
    ),
  },
  'a component as a row': {
    html: () => html`<div>${ROWS.map(({ name }) => cardOf(name, name))}</div>`,
    jsx: () => (
      <div>
        {ROWS.map(({ id, name }) => (
          <Card key={id} title={name}>
            {name}
          </Card>
        ))}
      </div>
    ),
  },
  'props that are spread': {
    html: () =>
      html`<button class="a" title="${EVIL}" data-x="${five}" disabled="${no}" id="z">x</button><p class="a" title="${EVIL}" data-x="${five}" disabled="${no}"></p>${cardOf('t', html`<i>1</i><i>2</i>`)}`,
    jsx: () => (
      <>
        <button {...spread} id="z">
          x
        </button>
        <p {...spread} />
        <Card {...{ title: 't' }}>
          <i>1</i>
          <i>2</i>
        </Card>
      </>
    ),
  },
  'a key behind a spread': {
    html: () => html`<div>${ROWS.map(({ name }) => html`<p title="a">${name}</p>`)}</div>`,
    jsx: () => (
      <div>
        {ROWS.map(({ id, name }) => (
          <p {...{ title: 'a' }} key={id}>
            {name}
          </p>
        ))}
      </div>
    ),
  },
  'styles and handlers that are made elsewhere': {
    html: () => html`<p style="color: ${'red'}; margin: ${1}" @keydown.esc="${'close'}">x</p><p></p>`,
    jsx: () => {
      const style = { color: 'red', margin: 1 }
      const handlers = { 'keydown.esc': 'close' }
      return (
        <>
          <p style={style} on={handlers}>
            x
          </p>
          <p style={{}} on={{}} />
        </>
      )
    },
  },
  'fields': {
    html: () =>
      html`<textarea name="a">${'\n' + EVIL}</textarea><select><option value="1" selected="${yes}">${EVIL}</option><option selected="${no}">2</option></select><pre>${'\nx'}</pre><title>${EVIL} - ${five}</title>`,
    jsx: () => (
      <>
        <textarea name="a">{'\n' + EVIL}</textarea>
        <select>
          <option value="1" selected={yes}>
            {EVIL}
          </option>
          <option selected={no}>2</option>
        </select>
        <pre>{'\nx'}</pre>
        <title>
          {EVIL} - {five}
        </title>
      </>
    ),
  },
  'URLs': {
    html: () =>
      html`<a href="${'javascript:alert(1)'}">x</a><a href="${'/a?b=' + EVIL}"></a><img src="${'data:text/html,x'}">`,
    jsx: () => (
      <>
        <a href="javascript:alert(1)">x</a>
        <a href={'/a?b=' + EVIL} />
        <img src={'data:text/html,x' as string} />
      </>
    ),
  },
  'SVG and MathML': {
    html: () =>
      html`<svg viewBox="0 0 ${five} 5" class="i"><linearGradient id="g"><stop stop-color="${'red'}"></stop></linearGradient>${[1, 2].map((x) => html`<circle cx="${x}"></circle>`)}</svg><math><mi>x</mi></math>`,
    jsx: () => (
      <>
        <svg viewBox={`0 0 ${five} 5`} class="i">
          <linearGradient id="g">
            <stop stop-color="red" />
          </linearGradient>
          {[1, 2].map((x) => (
            <circle key={x} cx={x} />
          ))}
        </svg>
        <math>
          <mi>x</mi>
        </math>
      </>
    ),
  },
  'conditions and calls in attributes': {
    html: () => html`<p class="${yes ? 'a' : 'b'}" title="${`${five} & ${EVIL}`}">${[1, 2, 3].join(', ')}</p>`,
    jsx: () => (
      <p class={yes ? 'a' : 'b'} title={`${five} & ${EVIL}`}>
        {/* a comment */}
        {
          // another one
          [1, 2, 3].join(', ')
        }
      </p>
    ),
  },
  'createElement, as other programs call it': {
    html: () => html`<ul class="a"><li>${1}</li><li>${EVIL}</li></ul>`,
    jsx: () =>
      createElement('ul', { class: 'a' }, createElement('li', null, 1), createElement('li', { children: EVIL })),
  },
}
