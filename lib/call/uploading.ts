import type { ChosenFile, DirectUpload, LiveEvent, Message, UploadError } from '../../index'
import { checkNames, checkString, checkUrl, invalid, isObject } from '../check'
import { LoomError, textOf } from '../errors'
import { type Permit, fileId, said } from '../uploads/permits'
import { chosenFile, type Rules, UPLOAD } from '../uploads/rules'
import type { Owner, Uploads } from '../uploads/uploads'
import type { Call } from './call'
import { receiverOf } from './modules'
import { propsOf, type Visit } from './receive'

type Receiving = Pick<Visit, 'entry' | 'development'>

type Props = Record<string, unknown>

/** What the page is told of a file that it has asked for. */
interface Told {
  readonly k: unknown
  readonly id: string
  readonly permit?: string
  readonly error?: UploadError
  readonly direct?: DirectUpload
}

const DIRECT = { url: true, method: true, headers: true, key: true }

/** The longest name that an application gives to a file elsewhere, in bytes. */
const MAX_KEY = 1024

/**
 * Handles what a page says of its uploads. It is an event like others: once, in order, after `authorize`. A page asks for
 * permits for what the user has chosen, says how far its files are, and hands over what has arrived.
 */
export async function handleUpload(
  call: Call,
  visit: Receiving,
  uploads: Uploads,
  props: Props,
  event: LiveEvent,
): Promise<Props> {
  const { entry } = visit
  const { context } = call
  const given = said(event.value)
  const rules = given && entry.uploads?.get(given.upload)
  if (given === undefined || rules === undefined) {
    const asked = given === undefined ? 'an upload' : `the upload ${JSON.stringify(given.upload.slice(0, 64))}`
    const text = `the page asked for ${asked}, which module ${JSON.stringify(entry.name)} does not have`
    throw new LoomError('LOOM_UPLOAD', text)
  }
  const { upload, ask, done, list } = given
  const { instance } = call.kept.component
  const address = uploads.networkOf(context.request.address)
  const owner: Owner = { instance, module: entry.name, bind: context.bind, address }
  const receive = async (name: string, props: Props, data: unknown, isDone: boolean): Promise<Props> => {
    const receiver = receiverOf(entry.module, name)
    if (receiver === undefined) return props
    const { viewer } = event
    const message: Message = { id: event.id, from: 'upload', gap: false, done: isDone, data, ...(viewer && { viewer }) }
    return propsOf(
      visit,
      await receiver.call(entry.module.receive, props, Object.freeze(message), context),
      props,
      name,
    )
  }

  let next = props
  let over: { id?: string; error?: UploadError } | undefined
  if (done !== undefined) {
    const file = await uploads.take(owner, upload, done, event.id)
    if ('error' in file) over = file
    else {
      over = { id: file.id }
      context.afterwards((isCommitted) => void uploads.taken(file.id, event.id, isCommitted))
      next = await receive(upload, next, file, true)
    }
  }
  const told: Told[] = []
  const entries = uploads.entries(rules, list, instance)
  // More than the rules allow are refused one by one, those beyond that all at once.
  for (const [place, { place: k, file: chosen, permit: old }] of ask.slice(0, rules.maxFiles * 2).entries()) {
    const file = chosenFile(chosen)
    if (file === undefined) continue
    const id = fileId(event.id, place)
    const asked = await uploads.ask(owner, upload, rules, file, id, old)
    const answer =
      'error' in asked ? { k, id, error: asked.error } : await answerOf(call, uploads, owner, rules, k, asked.permit)
    told.push(answer)
    entries.push({ id: answer.id, ...file, sent: 0, ...('error' in answer && { error: answer.error }) })
  }
  if (rules.progress !== undefined) {
    for (const entry of entries) Object.freeze(entry)
    next = await receive(rules.progress, next, Object.freeze(entries), false)
  }
  if (told.length > 0 || over !== undefined)
    context.push(UPLOAD, { u: upload, asked: told, over, chunk: rules.chunkBytes, to: uploads.path })
  return next
}

/** The permit, and where the file goes if it goes elsewhere. */
async function answerOf(
  call: Call,
  uploads: Uploads,
  owner: Owner,
  rules: Rules,
  k: unknown,
  permit: Permit,
): Promise<Told> {
  const { id, name, type, size } = permit
  if (rules.direct === undefined) return { k, id, permit: uploads.seal(permit, owner.bind) }
  try {
    const file: ChosenFile = Object.freeze({ id, name, type, size })
    const direct = checkedDirect(await rules.direct(file, call.context), permit.upload)
    const { key = id, ...where } = direct
    return { k, id, permit: uploads.seal({ ...permit, key }, owner.bind), direct: where }
  } catch (error) {
    // The others go on. Whoever runs the application is told, and the page that this one has failed.
    uploads.tell(
      'error',
      'LOOM_UPLOAD',
      `direct of upload ${JSON.stringify(permit.upload)} of module ${permit.module}: ${textOf(error)}`,
    )
    await uploads.remove(id)
    return { k, id, error: 'failed' }
  }
}

function checkedDirect(given: unknown, upload: string): DirectUpload {
  const what = `what direct of upload ${JSON.stringify(upload)} gives`
  checkNames(given, DIRECT, what, `a member of ${what}`)
  const { url, method = 'PUT', headers = {}, key } = given as Record<string, unknown>
  checkUrl(url, `the url of ${what}`)
  if (method !== 'PUT' && method !== 'POST') throw invalid('PUT or POST', `the method of ${what}`, method)
  if (!isObject(headers) || !Object.values(headers).every((one) => typeof one === 'string'))
    throw invalid('an object of texts', `the headers of ${what}`, headers)
  if (key !== undefined) {
    checkString(key, `the key of ${what}`)
    if (Buffer.byteLength(key) > MAX_KEY)
      throw invalid(`a string of ${MAX_KEY} bytes at most`, `the key of ${what}`, key)
  }
  return { url, method, headers: headers as Record<string, string>, ...(key !== undefined && { key }) }
}
