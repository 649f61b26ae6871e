import type { Limits, Logger, LoomOptions, OwnStore, RedisStore } from '../index'
import type { NativeRedis } from './addon'
import { checkFunction, checkNames, checkString, invalid, isObject, redisPrefix } from './check'
import { native } from './native'
import { checkOrigins } from './http/origin'
import { type Trust, trustOf } from './http/trust'
import { secretsOf } from './secret'

/** A limit in the table of src/limits.rs, as far as it is read here. */
interface Limit {
  readonly name: keyof Limits
  readonly default: number
}

/** All options of `createLoom`. Any other name is an error: a misspelt option must not silently leave a hole. */
const OPTIONS: Record<keyof LoomOptions, true> = {
  secret: true,
  path: true,
  development: true,
  bind: true,
  origin: true,
  trustProxy: true,
  keep: true,
  store: true,
  backplane: true,
  limits: true,
  logger: true,
  transport: true,
  onError: true,
}

/** The default of `keep`: the members that middleware usually sets. */
const KEEP = ['user', 'session']

/** The options, checked and with their defaults. */
export interface Settings {
  readonly secrets: string[]
  readonly path: string
  readonly development: boolean
  /** Templates write their place into the page. */
  readonly locations: boolean
  /** Pages show failures. */
  readonly overlay: boolean
  readonly bind: LoomOptions['bind']
  readonly origin: LoomOptions['origin']
  readonly trust: Trust
  readonly keep: readonly string[]
  readonly sqlite: string | undefined
  readonly redisStore: NativeRedis | undefined
  readonly backplane: NativeRedis | undefined
  readonly ownStore: OwnStore | undefined
  readonly limits: Limits
  readonly logger: Logger
  readonly onError: LoomOptions['onError']
  readonly transport: 'auto' | 'relay'
}

/** @throws LoomError if an option is unknown or has a wrong value. */
export function settingsOf(options: LoomOptions): Settings {
  checkNames(options, OPTIONS, 'the options of createLoom', 'an option')
  const {
    path = '/loom',
    development: given = process.env['NODE_ENV'] !== 'production',
    bind,
    origin,
    keep = KEEP,
    logger = console,
    onError,
    transport = 'auto',
  } = options
  if (typeof path !== 'string' || !/^(\/[\w.~-]+)+$/.test(path)) throw invalid('a path like "/loom"', 'path', path)
  const { development, locations, overlay } = developmentOf(given)
  if (bind !== undefined) checkFunction(bind, 'bind')
  if (onError !== undefined) checkFunction(onError, 'onError')
  checkOrigins(origin)
  if (!Array.isArray(keep) || !keep.every((name) => typeof name === 'string'))
    throw invalid('a list of names', 'keep', keep)
  checkFunction(logger.error, 'logger.error')
  checkFunction(logger.warn, 'logger.warn')
  if (transport !== 'auto' && transport !== 'relay') throw invalid('"auto" or "relay"', 'transport', transport)
  return {
    secrets: secretsOf(options.secret, development),
    path,
    development,
    locations,
    overlay,
    bind,
    origin,
    trust: trustOf(options.trustProxy),
    keep,
    ...storeOf(options.store),
    backplane: backplaneOf(options.backplane),
    limits: limitsOf(options.limits),
    logger,
    onError,
    transport,
  }
}

/** Development is off, on, or on with options. */
function developmentOf(given: unknown): Pick<Settings, 'development' | 'locations' | 'overlay'> {
  if (typeof given === 'boolean') return { development: given, locations: false, overlay: given }
  if (!isObject(given)) throw invalid('a boolean or an object like { locations: true }', 'development', given)
  checkNames(given, { locations: true, overlay: true }, 'the option development', 'an option of development')
  const { locations = false, overlay = true } = given as { locations?: unknown; overlay?: unknown }
  if (typeof locations !== 'boolean') throw invalid('a boolean', 'development.locations', locations)
  if (typeof overlay !== 'boolean') throw invalid('a boolean', 'development.overlay', overlay)
  return { development: true, locations, overlay }
}

/** All limits: the given ones, and the defaults of the others. Rust checks their bounds. */
function limitsOf(given: unknown = {}): Limits {
  const defaults = (JSON.parse(native.limits()) as Limit[]).map((limit) => [limit.name, limit.default])
  const limits = Object.fromEntries(defaults) as Record<string, number>
  checkNames(given, limits, 'limits', 'a limit')
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue
    if (typeof value !== 'number') throw invalid('a number', `limits.${name}`, value)
    limits[name] = value
  }
  return limits as unknown as Limits
}

const STORES = { sqlite: true, redis: true, prefix: true, durability: true }

const DURABILITIES = ['memory', 'fsync', 'replicas']

/** An application's own store may be of a class of its own, with members that only the application knows. */
function isOwn(store: Record<string, unknown>): store is Record<string, unknown> & OwnStore {
  return 'claim' in store || 'save' in store
}

function storeOf(store: unknown): Pick<Settings, 'sqlite' | 'redisStore' | 'ownStore'> {
  const none = { sqlite: undefined, redisStore: undefined, ownStore: undefined }
  if (store === undefined) return none
  const expected =
    'an object like { sqlite: "states.sqlite" }, { redis: "redis://localhost" }, or one with the functions claim and save'
  if (!isObject(store)) throw invalid(expected, 'store', store)
  if (isOwn(store)) {
    checkFunction(store.claim, 'store.claim')
    checkFunction(store.save, 'store.save')
    if ('redis' in store || 'sqlite' in store)
      throw invalid('one store, sqlite, redis or one of your own', 'store', store)
    return { ...none, ownStore: store }
  }
  checkNames(store, STORES, 'the option store', 'a store')
  if ('redis' in store && 'sqlite' in store) throw invalid('one store, sqlite or redis', 'store', store)
  if ('redis' in store) return { ...none, redisStore: redisOf('store', store as unknown as RedisStore) }
  for (const name of ['prefix', 'durability'])
    if (name in store) throw invalid(`a store with a ${name} to be in redis`, 'store', store)
  checkString(store['sqlite'], 'store.sqlite')
  return { ...none, sqlite: store['sqlite'] }
}

function backplaneOf(backplane: unknown): NativeRedis | undefined {
  if (backplane === undefined) return undefined
  if (!isObject(backplane)) throw invalid('an object like { redis: "redis://localhost" }', 'backplane', backplane)
  checkNames(backplane, { redis: true, prefix: true }, 'the option backplane', 'a backplane')
  return redisOf('backplane', backplane as unknown as RedisStore)
}

/** The addresses of Redis, and the prefix of all keys there. Rust reads the URLs. */
function redisOf(option: string, { redis, prefix, durability = 'memory' }: RedisStore): NativeRedis {
  const isCluster = typeof redis !== 'string'
  const urls: unknown = isCluster ? redis : [redis]
  // A message must not show the URL: it may have a password in it.
  if (!Array.isArray(urls) || urls.length === 0 || !urls.every((url) => typeof url === 'string'))
    throw invalid('a URL, or a list of URLs of a cluster', `${option}.redis`, typeof redis)
  if (!DURABILITIES.includes(durability))
    throw invalid(`one of ${DURABILITIES.join(', ')}`, `${option}.durability`, durability)
  return { urls, isCluster, prefix: redisPrefix(prefix, `${option}.prefix`), durability }
}
