import type { Limits, Logger, LoomOptions } from '../index'
import { checkFunction, checkNames, checkString, invalid, isObject } from './check'
import { checkOrigins, type Trust, trustOf } from './request'
import { secretsOf } from './secret'

/** The defaults; src/limits.rs says what each is for and what happens at it. */
const LIMITS: Limits = {
  messageBytes: 1 << 20,
  components: 100,
  queuedEvents: 64,
  outgoingBytes: 1 << 20,
  waitingBytes: 256 << 20,
  invalidMessages: 16,
  waitingCalls: 4096,
  handlerTime: 30_000,
  pingAfter: 25_000,
  deadAfter: 60_000,
  tokenAge: 14 * 86_400_000,
  propsCacheBytes: 64 << 20,
  parkTime: 60_000,
  parked: 20_000,
  parkedBytes: 256 << 20,
  checkpointEvents: 16,
  checkpointQuiet: 250,
  checkpointBytes: 256 << 10,
  eventAge: 60_000,
  eventRate: 100,
  eventBurst: 500,
  connectionsPerAddress: 1000,
  eventRatePerAddress: 5000,
  eventBurstPerAddress: 20_000,
  joins: 32,
  waitingJoins: 10_000,
  joinRate: 5000,
  joinBurst: 5000,
  joinRatePerAddress: 1000,
  joinBurstPerAddress: 5000,
}

/** All that `createLoom` knows, so that a name which does nothing is an error and not a hole. */
const OPTIONS: Record<keyof LoomOptions, true> = {
  secret: true,
  path: true,
  development: true,
  bind: true,
  origin: true,
  trustProxy: true,
  keep: true,
  store: true,
  limits: true,
  logger: true,
  transport: true,
}

/** Limits that may be nothing at all. */
const MAY_BE_ZERO = ['parkTime']

/** What middleware usually sets. */
const KEEP = ['user', 'session']

/** The options, checked, with what is the default where one is not given. */
export interface Settings {
  readonly secrets: string[]
  readonly path: string
  readonly development: boolean
  readonly bind: LoomOptions['bind']
  readonly origin: LoomOptions['origin']
  readonly trust: Trust
  readonly keep: readonly string[]
  readonly sqlite: string | undefined
  /** Rust's. */
  readonly limits: Omit<Limits, 'propsCacheBytes'>
  readonly propsCacheBytes: number
  readonly logger: Logger
  readonly transport: 'auto' | 'bridge'
}

/** @throws LoomError for what cannot be, or would do nothing. */
export function settingsOf(options: LoomOptions): Settings {
  checkNames(options, OPTIONS, 'the options of createLoom', 'an option')
  const {
    path = '/loom',
    development = process.env['NODE_ENV'] !== 'production',
    bind,
    origin,
    keep = KEEP,
    logger = console,
    transport = 'auto',
  } = options
  if (typeof path !== 'string' || !/^(\/[\w.~-]+)+$/.test(path)) throw invalid('a path like "/loom"', 'path', path)
  if (typeof development !== 'boolean') throw invalid('a boolean', 'development', development)
  if (bind !== undefined) checkFunction(bind, 'bind')
  checkOrigins(origin)
  if (!Array.isArray(keep) || !keep.every((name) => typeof name === 'string')) throw invalid('a list of names', 'keep', keep)
  checkFunction(logger.error, 'logger.error')
  checkFunction(logger.warn, 'logger.warn')
  if (transport !== 'auto' && transport !== 'bridge') throw invalid('"auto" or "bridge"', 'transport', transport)
  const { propsCacheBytes, ...limits } = limitsOf(options.limits)
  return {
    secrets: secretsOf(options.secret, development),
    path,
    development,
    bind,
    origin,
    trust: trustOf(options.trustProxy),
    keep,
    sqlite: sqliteOf(options.store),
    limits,
    propsCacheBytes,
    logger,
    transport,
  }
}

function limitsOf(given: unknown): Limits {
  if (given === undefined) return LIMITS
  checkNames(given, LIMITS, 'limits', 'a limit')
  for (const [name, value] of Object.entries(given as Record<string, unknown>)) {
    if (value === undefined) continue
    const isLow = typeof value !== 'number' || !(value > 0 || (value === 0 && MAY_BE_ZERO.includes(name)))
    if (isLow || value > 2 ** 31) {
      throw invalid('a number above 0 and at most 2147483648', `limits.${name}`, value)
    }
  }
  return { ...LIMITS, ...(given as Partial<Limits>) }
}

function sqliteOf(store: unknown): string | undefined {
  if (store === undefined) return undefined
  if (!isObject(store)) throw invalid('an object like { sqlite: "states.sqlite" }', 'store', store)
  checkString(store['sqlite'], 'store.sqlite')
  return store['sqlite']
}
