'use strict'

/** States of loom-live in Postgres: one row a component, one statement a batch. */

const TABLES = `
  create table if not exists loom_states (
    instance text primary key,
    life bigint not null,
    revision bigint not null,
    state text not null,
    holder text not null,
    shared boolean not null,
    saved_at timestamptz not null default now()
  );
  create index if not exists loom_states_saved_at on loom_states (saved_at);
  create table if not exists loom_viewers (
    instance text not null references loom_states on delete cascade,
    viewer text not null,
    number bigint not null,
    primary key (instance, viewer)
  )`

const CLAIM = `
  update loom_states set life = greatest(life, $2) + 1 where instance = $1
  returning life, revision, state, shared`

const VIEWERS = 'select viewer, number from loom_viewers where instance = $1'

// "where" compares with the row as it is when this statement has locked it. Rows are locked in one order, so that two
// processes do not wait for each other. "saved_at" is written once a minute: each change of it changes an index, too.
const SAVE = `
  with kept as (
    insert into loom_states as known (instance, life, revision, state, holder, shared)
    select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::boolean[]) as given
    order by 1
    on conflict (instance) do update set
      life = excluded.life,
      revision = excluded.revision,
      state = excluded.state,
      holder = excluded.holder,
      shared = known.shared or excluded.shared,
      saved_at = case when known.saved_at > now() - interval '1 minute' then known.saved_at else now() end
    where (known.life, known.revision) < (excluded.life, excluded.revision)
    returning instance
  ), given as (
    select * from unnest($7::text[], $8::text[], $9::bigint[]) as given (instance, viewer, number)
    join kept using (instance)
  ), numbered as (
    insert into loom_viewers select instance, viewer, number from given where number is not null
    on conflict (instance, viewer) do update set number = excluded.number
  ), forgotten as (
    delete from loom_viewers as known using given
    where given.number is null and known.instance = given.instance and known.viewer = given.viewer
  )
  select instance from kept`

const SWEEP = `
  delete from loom_states where instance in (
    select instance from loom_states where saved_at < now() - $1::bigint * interval '1 millisecond' limit 1000
  )`

/** Two weeks, as long as `limits.tokenAge`, and some minutes more. */
const KEEP = 14 * 24 * 3_600_000 + 5 * 60_000

/** @implements {import('loom-live').OwnStore} */
class PostgresStore {
  #pool

  /** @param {import('pg').Pool} pool */
  constructor(pool) {
    this.#pool = pool
  }

  /** Makes the tables that are missing. */
  async prepare() {
    const client = await this.#pool.connect()
    try {
      // Two processes that begin at once must not make a table at once.
      await client.query("begin; select pg_advisory_xact_lock(hashtext('loom_states'))")
      await client.query(TABLES)
      await client.query('commit')
    } finally {
      // With an error the transaction ends with its connection.
      client.release(true)
    }
  }

  async claim(instance, after) {
    const { rows } = await this.#pool.query({ name: 'loom-claim', text: CLAIM, values: [instance, after] })
    const [row] = rows
    if (row === undefined) return undefined
    // pg gives a bigint as text.
    const claimed = { life: Number(row.life), revision: Number(row.revision), state: row.state }
    if (!row.shared) return claimed
    // A statement of its own, after the claim: from here on nobody else adds any.
    const viewers = await this.#pool.query({ name: 'loom-viewers', text: VIEWERS, values: [instance] })
    const numbers = viewers.rows.map(({ viewer, number }) => [viewer, Number(number)])
    return { ...claimed, viewers: Object.fromEntries(numbers) }
  }

  async save(states) {
    const column = (name) => states.map((state) => state[name])
    const shared = states.map(({ viewers }) => viewers !== undefined)
    const numbers = states.flatMap(({ instance, viewers = {} }) =>
      Object.entries(viewers).map(([viewer, number]) => [instance, viewer, number]),
    )
    const values = [
      ...['instance', 'life', 'revision', 'state', 'holder'].map(column),
      shared,
      ...[0, 1, 2].map((place) => numbers.map((row) => row[place])),
    ]
    const { rows } = await this.#pool.query({ name: 'loom-save', text: SAVE, values })
    return rows.map(({ instance }) => instance)
  }

  /** Deletes states that no page can ask for any more, a thousand at most. To be called once a minute. */
  async sweep(keep = KEEP) {
    await this.#pool.query(SWEEP, [keep])
  }
}

module.exports = { PostgresStore }
