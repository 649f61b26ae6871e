/** `model`: which props the controls of a page may set, and to what. */

import { type } from 'arktype'
import { html, type LiveContext, type LiveModule, type Model } from 'loom-live'
import * as v from 'valibot'
import { z } from 'zod'
import { Site, testLoom } from '../support/site'

interface Props {
  name: string
  age: number
  news: boolean
  tags: string[]
  sizes: number[]
  day: string
  secret: string
  errors: Record<string, string[]>
}

const PROPS: Props = { name: '', age: 1, news: false, tags: [], sizes: [], day: '', secret: 'kept', errors: {} }

function moduleOf(model: object, more: Partial<LiveModule<Props>> = {}): LiveModule<Props> {
  return {
    props: PROPS,
    model: model as Model<Props>,
    handle: { name: (props) => ({ ...props, secret: 'handled' }) },
    render: (props) => html`<p>${JSON.stringify(props)}</p>`,
    ...more,
  }
}

const site = new Site()

interface Vars {
  v?: string
  c?: boolean
  m?: string[]
  l?: string[]
}

/** A page on which controls can be used: `set` gives the props after it, or the error. */
async function pageOf(module: LiveModule<Props>) {
  const page = await site.open(module)
  return page
}
