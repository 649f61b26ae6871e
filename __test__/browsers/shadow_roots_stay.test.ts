/** Content that is no child of its element: a `<template>`'s, and that of a declarative shadow root. */

import { html } from 'loom-live'
import { eachBrowser } from './index'
import { livePage } from './live'

eachBrowser('a component with a declarative shadow root and a template lives', async (page) => {
  const { url } = await livePage({
    props: { count: 0, more: false },
    handle: {
      add: (props) => ({ ...props, count: props.count + 1 }),
      more: (props) => ({ ...props, more: true }),
    },
    render: ({ count, more }) =>
      html`<section id="host" title="${count}"><template shadowrootmode="open"><p>shadow <slot></slot></p></template><b>${count}</b></section>
        <template id="stamp" data-count="${count}"><i>stamp</i></template><button id="add" @click="add">add</button>
        <button id="more" @click="more">more</button>
        ${more ? html`<div id="late"><template shadowrootmode="open"><p>late</p></template><u>${count}</u></div>` : ''}`,
  })
  await page.goto(url)
  await page.settled()
  await page.evaluate(() => {
    document.querySelector('b')?.setAttribute('data-mine', '')
  })
  await page.click('#add')
  await page.shows('b', '1')
  const seen = () =>
    page.evaluate(() => [
      document.querySelector('#host')?.shadowRoot?.textContent.trim() ?? null,
      document.querySelector('#host')?.getAttribute('title'),
      document.querySelectorAll('b[data-mine]').length,
      document.querySelector<HTMLTemplateElement>('#stamp')?.content.textContent,
      document.querySelector<HTMLElement>('#stamp')?.dataset['count'],
    ])
  expect(await seen()).toEqual(['shadow', '1', 1, 'stamp', '1'])
  // With a patch there comes no shadow root: what the README says.
  await page.click('#more')
  await page.shows('u', '1')
  expect(
    await page.evaluate(() => [
      document.querySelector('#late')?.shadowRoot ?? null,
      document.querySelectorAll('#late > template').length,
    ]),
  ).toEqual([null, 1])
  await page.click('#add')
  await page.shows('u', '2')
  expect(await seen()).toEqual(['shadow', '2', 1, 'stamp', '2'])
})
