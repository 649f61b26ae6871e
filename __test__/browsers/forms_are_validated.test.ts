/** What a user sees of a form with a schema: errors beside the fields that were left, and the way to the first of them. */

import { form, type FormErrors, html, type LiveModule, validated } from 'loom-live'
import { z } from 'zod'
import { eachBrowser, type Page } from './index'
import { createGate } from './gate'
import { livePage } from './live'

const schema = z.object({ name: z.string().min(2, 'too short'), email: z.email('no e-mail') })

interface Props {
  errors: FormErrors<typeof schema>
  saved: string
}

const signUp: LiveModule<Props> = {
  props: { errors: {}, saved: '' },
  handle: {
    check: validated(schema, (props: Props) => props),
    save: validated(schema, (props: Props, { name, email }) => ({ ...props, saved: `${name} ${email}` })),
  },
  render: ({ errors, saved }) => {
    const f = form('save', { errors })
    const [name, email] = [f.field('name'), f.field('email')]
    return html`<form id="${f.id}" method="${f.method}" action="${f.action}" @submit=${f.handler} @input=${'check'}>
        ${f.seal}
        <input id="${name.id}" name="${name.name}" value="${name.value}" aria-invalid="${name.invalid}"
          aria-describedby="${name.describedBy}" data-l-validity="${name.message}">${name.error}
        <input id="${email.id}" name="${email.name}" value="${email.value}" aria-invalid="${email.invalid}"
          aria-describedby="${email.describedBy}" data-l-validity="${email.message}">${email.error}
        <button>Save</button>
      </form><output>${saved}</output>`
  },
}

/** The messages that are shown, by the ids of their fields. */
const shown = (page: Page): Promise<Record<string, string>> =>
  page.evaluate(() =>
    Object.fromEntries([...document.querySelectorAll('.loom-error')].map(({ id, textContent }) => [id, textContent])),
  )

const messageOf = (page: Page, selector: string): Promise<string> =>
  page.evaluate((where) => document.querySelector<HTMLInputElement>(where)?.validationMessage ?? '', selector)

eachBrowser('errors show once a field has been left', async (page) => {
  const { url } = await livePage(signUp)
  await page.goto(url)
  await page.settled()
  await page.type('#save-name', 'A')
  await page.settled()
  expect(await shown(page)).toEqual({})
  // Left, and with it what was typed.
  await page.focus('#save-email')
  await page.until(() => document.querySelector('#save-name-error')?.textContent === 'too short')
  expect(await shown(page)).toEqual({ 'save-name-error': 'too short' })
  expect(await page.evaluate(() => document.querySelector('#save-name')?.getAttribute('aria-invalid'))).toBe('true')
  expect(await messageOf(page, '#save-name')).toBe('too short')
  // It goes as it is mended.
  await page.type('#save-name', 'nn')
  await page.until(() => !document.querySelector('#save-name-error'))
  expect(await messageOf(page, '#save-name')).toBe('')
})

eachBrowser('a field that is left as it was says so, too', async (page) => {
  const { url } = await livePage(signUp)
  await page.goto(url)
  await page.settled()
  await page.focus('#save-email')
  await page.focus('#save-name')
  await page.until(() => document.querySelector('#save-email-error')?.textContent === 'no e-mail')
  expect(await shown(page)).toEqual({ 'save-email-error': 'no e-mail' })
})

eachBrowser('a form that is sent shows all, and the first that is not valid gets the focus', async (page) => {
  const { url } = await livePage(signUp)
  await page.goto(url)
  await page.settled()
  await page.type('#save-name', 'Ann')
  await page.type('#save-email', 'nobody')
  await page.press('Enter')
  await page.until(() => document.querySelector('#save-email-error')?.textContent === 'no e-mail')
  await page.until(() => document.activeElement?.id === 'save-email')
  expect(await page.property('#save-name', 'value')).toBe('Ann')
  await page.type('#save-email', '@x.ch')
  await page.press('Enter')
  await page.shows('output', 'Ann nobody@x.ch')
  expect(await shown(page)).toEqual({})
  expect(await page.property('#save-name', 'value')).toBe('')
})

eachBrowser('the state of the page is not in what a live page sends', async (page) => {
  const seen: string[][] = []
  const { url } = await livePage({
    ...signUp,
    handle: {
      check: (props: Props, event) => (seen.push(Object.keys(event.form ?? {})), props),
      save: (props: Props, event) => (seen.push(Object.keys(event.form ?? {})), { ...props, saved: 'yes' }),
    },
  })
  await page.goto(url)
  await page.settled()
  await page.type('#save-name', 'A')
  await page.press('Enter')
  await page.shows('output', 'yes')
  for (const names of seen) expect(names).toEqual(['name', 'email'])
})

eachBrowser(
  'what is refused stays as it was typed, also if what is right is rendered and the answers are late',
  async (page) => {
    const gate = createGate()
    const short = z.object({
      name: z.string().refine(async (text) => (await gate.passed(), text.length > 1), 'too short'),
    })
    const { url } = await livePage({
      props: { name: 'Ann', errors: {} as FormErrors<typeof short> },
      handle: { check: validated(short, (props, { name }) => ({ ...props, name })) },
      render: ({ name, errors }) => {
        const field = form('check', { errors, values: { name } }).field('name')
        return html`<form @input="check">
        <input id="name" name="name" value="${field.value}" data-l-validity="${field.message}">${field.error}
        <input id="other" name="other">
      </form><output>${name}</output>`
      },
    })
    await page.goto(url)
    await page.settled()
    await page.focus('#name')
    await page.press('End')
    gate.close()
    for (let times = 0; times < 2; times++) await page.press('Backspace')
    gate.open()
    await page.shows('output', 'An')
    await page.settled()
    expect(await page.property('#name', 'value')).toBe('A')
    await page.focus('#other')
    await page.until(() => document.querySelector('.loom-error')?.textContent === 'too short')
    expect(await page.property('#name', 'value')).toBe('A')
  },
)
