/** A form inside of a form of another component: each component hears of its own form only. */

import { createLoom, html, live } from 'loom-live'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { atEnd } from '../support/cleanup'
import { listen, Log, SECRET } from '../support/site'
import { eachBrowser, type Page } from './index'

interface Inner {
  sent: string[]
}

interface Outer {
  isThere: boolean
  sent: string[]
}

const say = (form: unknown): string => JSON.stringify(form)

/** The outer component's form has the inner component in it: at once, or once a button says so. */
async function site(isThere: boolean): Promise<string> {
  const loom = createLoom({ secret: SECRET, logger: new Log(), development: true })
  atEnd(() => loom.close({ timeout: 0 }))
  const inner = loom.register('inner', {
    props: { sent: [] } as Inner,
    handle: { save: ({ sent }, { form }) => ({ sent: [...sent, say(form)] }) },
    render: ({ sent }) =>
      html`<form id="in" @submit="save" data-l-disable><input name="b"><button id="send-in">Send</button></form><pre id="inner-sent">${sent.join('\n')}</pre>`,
  })
  const outer = loom.register('outer', {
    props: { isThere: false, sent: [] } as Outer,
    handle: {
      save: (props, { form }) => ({ ...props, sent: [...props.sent, say(form)] }),
      show: (props) => ({ ...props, isThere: true }),
    },
    render: (props) =>
      html`<form id="out" @submit="save" data-l-disable><input name="a"><div>${props.isThere ? live(inner) : ''}</div><input name="c"><button id="send-out">Send</button></form>
        <button id="show" @click="show">show</button><pre id="outer-sent">${props.sent.join('\n')}</pre>`,
  })
  const serve = loom.express()
  const server = createServer((request, response) => {
    serve(request, response, () => {
      void (async () => {
        const component = await loom.mount(outer, { isThere, sent: [] }, { request })
        response.setHeader('content-type', 'text/html; charset=utf-8')
        response.end(
          `<!doctype html><html lang="en"><title>test</title><body>${component}${loom.script()}</body></html>`,
        )
      })()
    })
  })
  loom.attach(server)
  await listen(server)
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

async function tryBoth(page: Page): Promise<void> {
  await page.type('[name=b]', 'inner')
  const dirty = () =>
    page.evaluate(() =>
      Array.from(
        document.querySelectorAll('[data-l-dirty]'),
        (one) => one.id || one.getAttribute('data-l-live'),
      ).join(),
    )
  expect(await dirty()).toBe('inner,in')
  await page.click('#send-in')
  await page.shows('#inner-sent', '{"b":"inner"}')
  await page.settled()
  expect(await page.text('#outer-sent')).toBe('')
  expect(await dirty()).toBe('')
  await page.type('[name=a]', 'outer')
  await page.type('[name=c]', 'too')
  expect(await dirty()).toBe('outer,out')
  await page.click('#send-out')
  await page.shows('#outer-sent', '{"a":"outer","c":"too"}')
  await page.settled()
  expect(await page.text('#inner-sent')).toBe('{"b":"inner"}')
  expect(await page.evaluate(() => document.querySelectorAll('[disabled],[readonly],[data-l-dirty]').length)).toBe(0)
}

eachBrowser('brought by a patch', async (page) => {
  await page.goto(await site(false))
  await page.settled()
  await page.click('#show')
  await page.until(() => document.querySelectorAll('[data-l-live][data-l-state=live]').length === 2)
  await tryBoth(page)
})

eachBrowser('in the page, where the parser leaves it out', async (page) => {
  await page.goto(await site(true))
  await page.settled()
  await tryBoth(page)
})
