/** @jsxImportSource loom-live */
// Elements and components in JSX. Compiled, never run. Each `@ts-expect-error` is a mistake that the compiler has to find.

import { createElement, createLoom, each, Fragment, html, js, on, raw, sanitized, type Tree } from 'loom-live'
import type { Attributes, Child, Component } from 'loom-live/jsx-runtime'
import { build } from 'esbuild'
import { defineConfig } from 'vite'
import { compileJsx, esbuildJsx, viteJsx } from 'loom-live/jsx-compiler'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function is<_ extends true>(): void {}

const loom = createLoom()
const element = <p>text</p>
is<Equal<typeof element, Tree>>()

loom.register('page', {
  props: { name: '', rows: [{ id: 1 }], isOpen: false as boolean },
  handle: { save: () => undefined },
  render: ({ name, rows, isOpen }) => (
    <main class="a" id={name} data-anything={isOpen} aria-expanded={isOpen} style={{ color: 'red', '--size': 1 }}>
      {each(
        rows,
        (row) => row.id,
        (row) => (
          <li>{row.id}</li>
        ),
      )}
      {rows.map(({ id }) => (
        <li key={id}>{id}</li>
      ))}
      {isOpen && <b>open</b>} {null} {undefined} {5n} {raw('<hr>')} {sanitized('x')} {html`<i></i>`}
      <p data-l-hook="chart" data-l-ignore />
      <form onSubmit="save" method="post" data-l-keep novalidate>
        <label for="x" />
        <label htmlFor="x" className="y" />
        <input
          id="x"
          type="text"
          value={name}
          disabled={isOpen}
          readonly
          maxlength={10}
          on={{ 'keydown.enter': 'save' }}
        />
        <button type="button" onClick={js.toggle('#menu')} on={{ 'click.once': on('go').optimistic(js.hide()) }} />
        <p onVisible="save" on={{ 'visible.once': 'save' }}>
          {each(
            rows,
            (row) => row.id,
            (row) => (
              <b>{row.id}</b>
            ),
            { limit: 20, at: 0, dependencies: [isOpen] },
          )}
        </p>
        <button type="submit" onClick={on('save', { id: 1 })} onKeydown="save" onKeyDown="save">
          Save
        </button>
      </form>
      <svg viewBox="0 0 1 1" stroke-width={1}>
        <linearGradient id="a" />
      </svg>
      <x-own anything={{ at: 'all' }} bool={{ active: isOpen }} onClick="save" />
      <>
        <Fragment key={1}>text</Fragment>
      </>
    </main>
  ),
})

// @ts-expect-error no such element
void (<buton />)
// @ts-expect-error the name of a handler, not a function
void (<button onClick={() => undefined} />)
// @ts-expect-error a Date is no binding
void (<button onClick={new Date()} />)
// @ts-expect-error the name of a handler, not a function
void (<x-own onClick={() => undefined} />)
// @ts-expect-error React's name
void (<p tabIndex={0} />)
// @ts-expect-error React's way
void (<p dangerouslySetInnerHTML={{ __html: '' }} />)
// @ts-expect-error no such event
void (<p onClik="save" />)
// @ts-expect-error a link's attribute
void (<p href="/" />)
// @ts-expect-error no type of a button
void (<button type="sumbit" />)
// @ts-expect-error a boolean attribute is true or false
void (<input disabled="false" />)
// @ts-expect-error an object is no text
void (<p title={{}} />)
// @ts-expect-error an object is no child
void (<p>{{ name: 'Ada' }}</p>)
// @ts-expect-error a function is no child
void (<p>{() => 'x'}</p>)
// @ts-expect-error a textarea has its text between the tags
void (<textarea value="x" />)

const Card = ({ title, children }: { title: string; children?: Child }): Tree => (
  <section>
    {title}
    {children}
  </section>
)
const Row = ({ row, children }: { row: { id: number }; children: (id: number) => Child }): Child => children(row.id)
function Generic<Item>({ items, show }: { items: readonly Item[]; show: (item: Item) => Child }): Child {
  return items.map(show)
}
class Classic {
  render(): Child {
    return null
  }
}
void (
  <>
    <Card title="a" />
    <Card title="a" key="k">
      <p />
      two
    </Card>
    <Row row={{ id: 1 }}>{(id) => <b key={id}>{id.toFixed()}</b>}</Row>
    <Generic items={[1, 2]} show={(item) => item.toFixed()} />
  </>
)
// @ts-expect-error a prop is missing
void (<Card />)
// @ts-expect-error a prop of another type
void (<Card title={1} />)
// @ts-expect-error no such prop
void (<Card title="a" size={1} />)
// @ts-expect-error a class is no component
void (<Classic />)
// @ts-expect-error a component that waits
void (<Later />)
async function Later(): Promise<Tree> {
  return Promise.resolve(<p />)
}

const component: Component<{ name: string }> = ({ name }) => name
const attributes: Attributes = { id: 'x', onClick: 'save', 'data-x': 1 }
void [<p {...attributes} />, createElement(component, { name: 'x' }), createElement('p', null, 'x')]

// The plugins are those that the tools take.
void build({ plugins: [esbuildJsx({ include: /\.tsx$/ })] })
export default defineConfig({ plugins: [viteJsx()] })
const compiled = compileJsx('', { filename: 'a.tsx' })
is<Equal<NonNullable<typeof compiled>['code'], string>>()
