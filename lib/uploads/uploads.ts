import type { ChosenFile, LogCode, UploadedFile, UploadError } from '../../index'
import { textOf } from '../errors'
import { type Claims, MemoryClaims } from './claims'
import { canBe } from './content'
import { networkOf } from './network'
import { EXPIRED, openPermit, type Permit, type Sealer, sealPermit } from './permits'
import { chosenFile, refusalOf, type Rules } from './rules'
import type { Storage } from './storage'

/** The bounds of the uploads of a process. Times in milliseconds. */
export interface Bounds {
  readonly perComponent: number
  readonly perAddress: number
  readonly totalBytes: number
  readonly idleTime: number
  readonly keepTime: number
  readonly permitTime: number
}

/** Whose upload it is. */
export interface Owner {
  readonly instance: string
  readonly module: string
  readonly bind: string
  readonly address: string
}

/** A file that may come, comes, or waits to be taken. */
interface Open {
  readonly instance: string
  readonly upload: string
  readonly address: string
  /** The bytes of disk that are reserved for the file. */
  readonly bytes: number
  /** When its last request, or the last word of its page, was. */
  at: number
  /** When its permit ends. */
  readonly until: number
  /** How many requests bring it just now. */
  requests: number
  hasArrived: boolean
}

export const DEFAULT_BOUNDS: Bounds = {
  perComponent: 20,
  perAddress: 100,
  totalBytes: 10 * 2 ** 30,
  idleTime: 600_000,
  keepTime: 3_600_000,
  permitTime: 86_400_000,
}

/** The most files at a time in one process, for all users together. */
const MOST_OPEN = 10_000

const SWEEP_LEAST = 50
const SWEEP_MOST = 60_000

/** All uploads of one loom: the permits, the files that are under way, and the files that have been taken. */
export class Uploads {
  private readonly open = new Map<string, Open>()
  private bytes = 0
  private bounds = DEFAULT_BOUNDS
  storage: Storage | undefined
  /** The path that pages send files to, on the page's own host. */
  path = ''
  /** Of files that go elsewhere, in an application without `loom.uploads`. */
  private readonly ownClaims = new MemoryClaims()
  /**
   * Uploads that nobody wants any more, as far as this process was told: on disk nothing is noted, or a page could fill it
   * with notes.
   */
  private readonly cancelled = new MemoryClaims()
  private timer: NodeJS.Timeout | undefined
  private ready: Promise<void> = Promise.resolve()

  constructor(
    private readonly sealer: () => Sealer,
    /** Writes to the application's log. */
    readonly tell: (level: 'error' | 'warn', code: LogCode, text: string) => void,
    /** Bits of an IPv6 address that count as one address, as for connections. */
    private readonly addressPrefix: number,
  ) {}

  /** The name that an address counts as. */
  networkOf(address: string): string {
    return networkOf(address, this.addressPrefix)
  }

  /** From here on files can come. */
  begin(storage: Storage, bounds: Bounds, path: string): void {
    this.storage = storage
    this.path = path
    this.bounds = bounds
    // Files that were on their way when the process ended count as before.
    this.ready = this.look()
    const soon = Math.max(SWEEP_LEAST, Math.min(SWEEP_MOST, bounds.idleTime / 2, bounds.keepTime / 2))
    this.timer = setInterval(() => {
      void this.sweep()
    }, soon).unref()
  }

  /** How long nothing may come of a file that is on its way. */
  get idleTime(): number {
    return this.bounds.idleTime
  }

  end(): void {
    clearInterval(this.timer)
  }

  private get claims(): Claims {
    return this.storage?.claims ?? this.ownClaims
  }

  private async look(): Promise<void> {
    try {
      for (const { id, size, at } of (await this.storage?.found()) ?? [])
        this.add(id, {
          ...{ instance: '', upload: '', address: '', bytes: size, at },
          ...{ until: at + this.bounds.permitTime, requests: 0, hasArrived: false },
        })
    } catch (error) {
      this.tell('error', 'LOOM_UPLOAD', `the uploads from before this start cannot be listed: ${textOf(error)}`)
    }
  }

  private add(id: string, open: Open): void {
    this.release(id)
    this.open.set(id, open)
    this.bytes += open.bytes
  }

  /** The upload does not count any more. */
  private release(id: string): void {
    this.bytes -= this.open.get(id)?.bytes ?? 0
    this.open.delete(id)
  }

  /**
   * Asks for a permit for a file that the user has chosen. `old`: a permit of an earlier visit, for the same file.
   * `isDirect`: the file goes elsewhere.
   */
  async ask(
    owner: Owner,
    upload: string,
    rules: Rules,
    file: Omit<ChosenFile, 'id'>,
    id: string,
    old: unknown,
  ): Promise<{ permit: Permit } | { error: UploadError }> {
    const refused = refusalOf(rules, file)
    if (refused !== undefined) return { error: refused }
    await this.ready
    const again = rules.direct === undefined ? await this.earlier(owner, upload, file, old) : undefined
    const known = again?.id ?? id
    const bytes = rules.direct === undefined ? file.size : 0
    // Nothing is awaited between the count of the others and the new entry. So uploads that are asked for at the same
    // time count each other.
    const free = bytes > 0 ? ((await this.storage?.free()) ?? 0) : 0
    const { instance, module, address } = owner
    const error = this.hasNoRoom(known, { instance, upload, address, bytes }, rules.maxFiles)
    if (error !== undefined) return { error }
    if (bytes > free) return { error: 'full' }
    const expires = again?.expires ?? Date.now() + this.bounds.permitTime
    // A request of the earlier visit may still bring it.
    const { requests = 0, hasArrived = false } = this.open.get(known) ?? {}
    this.add(known, { instance, upload, address, bytes, at: Date.now(), until: expires, requests, hasArrived })
    return { permit: { ...file, id: known, instance, module, upload, expires, key: undefined } }
  }

  /** The reason why there is no room for this file beside the others; nothing if there is room. */
  private hasNoRoom(
    id: string,
    { instance, upload, address, bytes }: Pick<Open, 'instance' | 'upload' | 'address' | 'bytes'>,
    maxFiles = Infinity,
  ): UploadError | undefined {
    const { perComponent, perAddress, totalBytes } = this.bounds
    let [ofUpload, ofComponent, ofAddress] = [0, 0, 0]
    for (const [other, open] of this.open) {
      if (other === id) continue
      if (open.instance === instance) ofComponent++
      if (open.instance === instance && open.upload === upload) ofUpload++
      if (open.address === address && address !== '') ofAddress++
    }
    if (ofUpload >= maxFiles || ofComponent >= perComponent) return 'many'
    const before = this.open.get(id)
    if (ofAddress >= perAddress || (before === undefined && this.open.size >= MOST_OPEN)) return 'full'
    return this.bytes - (before?.bytes ?? 0) + bytes > totalBytes ? 'full' : undefined
  }

  /** A file that the same user began to send in an earlier visit, and that can go on. */
  private async earlier(
    { module, bind }: Owner,
    upload: string,
    { name, type, size }: Omit<ChosenFile, 'id'>,
    old: unknown,
  ): Promise<Permit | undefined> {
    if (old === undefined) return undefined
    const permit = openPermit(this.sealer(), old, bind)
    if (permit === undefined || permit === EXPIRED || permit.key !== undefined) return undefined
    if (permit.module !== module || permit.upload !== upload) return undefined
    if (permit.name !== name || permit.type !== type || permit.size !== size) return undefined
    const { storage } = this
    if (storage === undefined || (await storage.arrived(permit.id)) === undefined) return undefined
    return (await this.isOver(permit.id)) ? undefined : permit
  }

  seal(permit: Permit, bind: string): string {
    return sealPermit(this.sealer(), permit, bind)
  }

  /** The permit of a request; nothing if it is not a permit of this user. */
  opened(sealed: unknown, bind: string): Permit | typeof EXPIRED | undefined {
    return openPermit(this.sealer(), sealed, bind)
  }

  /** Whether the file was taken or cancelled. */
  async isOver(id: string): Promise<boolean> {
    return ((await this.cancelled.of(id)) ?? (await this.claims.of(id))) !== undefined
  }

  /**
   * A request brings the file: false if there is no room for it. The permit may be from another process, or this
   * process may have forgotten the upload, so the file is counted again.
   */
  begins({ id, instance, upload, size: bytes, expires: until }: Permit, address: string): boolean {
    let open = this.open.get(id)
    if (open === undefined) {
      open = { instance, upload, address, bytes, at: 0, until, requests: 0, hasArrived: false }
      if (this.hasNoRoom(id, open) !== undefined) return false
      this.add(id, open)
    }
    open.requests++
    open.at = Date.now()
    return true
  }

  /** The request is over. */
  ends(id: string): void {
    const open = this.open.get(id)
    if (open === undefined) return
    open.requests = Math.max(0, open.requests - 1)
    open.at = Date.now()
  }

  /**
   * All bytes are there: whether the content can be of the permit's type. True also if the content cannot be looked at.
   */
  async check({ id, type, name }: Permit): Promise<boolean> {
    const head = await this.storage?.head(id)
    return head === undefined || canBe(type, name, head)
  }

  hasArrived(id: string): void {
    const open = this.open.get(id)
    if (open !== undefined) open.hasArrived = true
  }

  /** The page's description of its files, for display only. */
  entries(rules: Rules, list: readonly Record<string, unknown>[], instance: string): (ChosenFile & { sent: number })[] {
    const entries: (ChosenFile & { sent: number; error?: UploadError })[] = []
    for (const one of list.slice(0, rules.maxFiles * 2)) {
      const file = chosenFile(one)
      const { id, sent, error } = one
      if (file === undefined || typeof id !== 'string' || !/^[\w-]{1,32}$/.test(id) || typeof sent !== 'number')
        continue
      const open = this.open.get(id)
      // A file that goes elsewhere, or waits for others, sends nothing here: its page says that it is to come.
      if (open?.instance === instance && !open.hasArrived) open.at = Date.now()
      const failure = isError(error) ? { error } : {}
      entries.push({ id, ...file, sent: Math.max(0, Math.min(file.size, Math.round(sent) || 0)), ...failure })
    }
    return entries
  }

  /** Takes a file that has arrived, once: for the event `by`, which may be handled again. */
  async take(
    owner: Owner,
    upload: string,
    sealed: unknown,
    by: string,
  ): Promise<UploadedFile | { id?: string; error: UploadError }> {
    const permit = this.opened(sealed, owner.bind)
    if (permit === undefined || permit === EXPIRED) return { error: 'gone' }
    const { id, name, type, size, key } = permit
    if (permit.instance !== owner.instance || permit.module !== owner.module || permit.upload !== upload)
      return { id, error: 'gone' }
    const { storage } = this
    if (key === undefined) {
      if (storage === undefined || (await storage.arrived(id)) !== size) {
        // The same event gets the file again. The application may have moved the file already.
        if ((await this.claims.of(id)) !== by) return { id, error: 'gone' }
      } else if (!(await this.check(permit))) {
        await this.drop(id)
        return { id, error: 'type' }
      }
    }
    if ((await this.cancelled.of(id)) !== undefined || (await this.claims.claim(id, by)) !== by)
      return { id, error: 'gone' }
    this.release(id)
    const file = { id, name, type, size, stream: () => this.stream(id, key) }
    if (key !== undefined) return Object.freeze({ ...file, key })
    const path = storage?.pathOf(id)
    return Object.freeze(path === undefined ? file : { ...file, path })
  }

  private stream(id: string, key: string | undefined): ReturnType<UploadedFile['stream']> {
    if (key !== undefined || this.storage === undefined)
      throw new Error(
        'The page sent this file to a store of your own (direct of the upload): read the file there, by its key',
      )
    return this.storage.read(id)
  }

  /** The step that took it is committed, or has failed: then nobody has taken it. */
  async taken(id: string, by: string, isCommitted: boolean): Promise<void> {
    try {
      if (isCommitted) await this.claims.settle(id, by)
      else await this.storage?.remove(id)
    } catch (error) {
      this.tell(
        'error',
        'LOOM_UPLOAD',
        `the upload ${id} cannot be ${isCommitted ? 'noted as taken' : 'removed'}: ${textOf(error)}`,
      )
    }
  }

  /** Ends an upload of this component, wherever it is. One that this process does not know is left to its page. */
  async cancel(id: string, instance: string): Promise<void> {
    if (this.open.get(id)?.instance === instance) await this.drop(id)
  }

  /** Its page does not want it any more. A file that was taken stays. */
  async drop(id: string): Promise<void> {
    try {
      await this.cancelled.claim(id, '')
      if ((await this.claims.of(id)) === undefined) await this.remove(id)
    } catch (error) {
      this.tell('error', 'LOOM_UPLOAD', `the upload ${id} cannot be removed: ${textOf(error)}`)
    }
  }

  async remove(id: string): Promise<void> {
    await this.storage?.remove(id)
    this.release(id)
  }

  /** Removes uploads that have made no progress, or have waited to be taken, for too long. */
  private async sweep(): Promise<void> {
    const { storage, bounds } = this
    const now = Date.now()
    const isOld = (at: number, hasArrived: boolean): boolean =>
      now - at > (hasArrived ? bounds.keepTime : bounds.idleTime)
    try {
      for (const [id, { at, until, requests, hasArrived }] of this.open)
        if (requests === 0 && (isOld(at, hasArrived) || now > until)) await this.remove(id)
      // Files of other processes, too: these processes may be gone.
      for (const { id, size, arrived, at } of (await storage?.found()) ?? [])
        if (!this.open.has(id) && isOld(at, size === arrived)) await storage?.remove(id)
      this.cancelled.forget(now - bounds.permitTime)
      await storage?.dropTaken(now - bounds.permitTime)
    } catch (error) {
      this.tell('error', 'LOOM_UPLOAD', `uploads that nobody takes cannot be removed: ${textOf(error)}`)
    }
  }
}

const ERRORS: readonly UploadError[] = ['type', 'large', 'many', 'full', 'gone', 'failed']

function isError(error: unknown): error is UploadError {
  return ERRORS.includes(error as UploadError)
}
