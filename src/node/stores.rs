//! The store and the topics that the application has chosen.

use std::sync::Arc;

use napi::Result;

use super::failed;
use super::options::{NativeOptions, NativeRedis, NativeRedisStats};
use super::runtime::runtime;
use crate::bridge::{Job, Queue};
use crate::codes::Code;
use crate::limits::Limits;
use crate::log::{Level, Log};
use crate::presence::{MemoryPresence, Presence, RedisPresence};
use crate::processes::Processes;
use crate::redis::{Address, Health, Link, Needs, Tell};
use crate::store::{
    Bounds, Durability, OwnCalls, OwnStore, OwnTell, RedisStore, SqliteStore, Store,
};
use crate::sync::{Mutex, lock};
use crate::topics::{Backplane, MemoryTopics, Spawn, Topics};

/// The most that is kept for the operator before there is a log.
const MOST_WAITING: usize = 16;

/// The messages to the operator about Redis. Until there is a log they wait here: a log needs the queue to
/// JavaScript, and a store that cannot be opened must be an error before the queue exists.
#[derive(Clone, Default)]
pub(super) struct Telling(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    log: Option<Log>,
    waiting: Vec<Tell>,
}

impl Telling {
    /// From here on there is a log.
    pub(super) fn to(&self, log: &Log) {
        let waiting = {
            let mut told = lock(&self.0);
            told.log = Some(log.clone());
            std::mem::take(&mut told.waiting)
        };
        for tell in waiting {
            write(log, tell);
        }
    }

    fn tell(&self, tell: Tell) {
        let log = {
            let mut told = lock(&self.0);
            let Some(log) = told.log.clone() else {
                if told.waiting.len() < MOST_WAITING {
                    told.waiting.push(tell);
                }
                return;
            };
            log
        };
        write(&log, tell);
    }
}

fn write(log: &Log, tell: Tell) {
    let (level, text) = match tell {
        Tell::Lost(why) => (
            Level::Error,
            format!("{why}; all that needs Redis fails until Redis is back"),
        ),
        Tell::Back(after) => (
            Level::Warn,
            format!("Redis is back after {:.1} s", after.as_secs_f64()),
        ),
        Tell::Warning(text) => (Level::Warn, text),
    };
    log.write(level, Code::Redis, "", || text);
}

/// The application's choice of store and backplane, and the way to its log.
pub(super) struct Chosen {
    pub(super) store: Option<Box<dyn Store>>,
    pub(super) topics: Arc<dyn Topics>,
    pub(super) presence: Arc<dyn Presence>,
    /// The other processes of the application, if there is a backplane.
    pub(super) processes: Option<Arc<Processes>>,
    pub(super) telling: Telling,
    /// The connections to Redis, each with its use.
    pub(super) links: Links,
}

/// Connections to Redis, each with its use: `store` or `backplane`.
pub(super) type Links = Vec<(&'static str, Link)>;

/// How Redis is.
pub(super) fn redis_stats(links: &Links) -> Vec<NativeRedisStats> {
    let stats = |(used_for, link): &(&'static str, Link)| {
        let (is_up, since, why) = match link.health() {
            Health::Up => (true, None, String::new()),
            Health::Opening => (false, None, "there was no connection so far".to_owned()),
            Health::Down { since, why } => (false, Some(since), why.to_string()),
            Health::Closed => (false, None, "the connection has been closed".to_owned()),
        };
        let away = since.map_or(0.0, |since| since.elapsed().as_secs_f64() * 1000.0);
        NativeRedisStats {
            used_for: (*used_for).to_owned(),
            hosts: link.hosts().to_string(),
            is_up,
            away,
            why,
            losses: link.losses() as f64,
        }
    };
    links.iter().map(stats).collect()
}

/// The parts that processes with one backplane share.
struct Shared {
    topics: Arc<dyn Topics>,
    presence: Arc<dyn Presence>,
    processes: Option<Arc<Processes>>,
}

/// Opens store and topics. Waits for a second at most for each.
pub(super) fn chosen(options: &NativeOptions, limits: &Limits) -> Result<Chosen> {
    let telling = Telling::default();
    let mut links = Links::new();
    let store = store(options, limits, &telling, &mut links)?;
    let Shared {
        topics,
        presence,
        processes,
    } = shared(options, limits, &telling, &mut links)?;
    Ok(Chosen {
        store,
        topics,
        presence,
        processes,
        telling,
        links,
    })
}

fn store(
    options: &NativeOptions,
    limits: &Limits,
    telling: &Telling,
    links: &mut Links,
) -> Result<Option<Box<dyn Store>>> {
    let bounds = Bounds {
        keep: limits.token_age,
        stored: limits.stored,
        stored_per_holder: limits.stored_per_holder,
    };
    if let Some(path) = &options.sqlite {
        let store = SqliteStore::open(path.as_ref(), bounds).map_err(failed)?;
        return Ok(Some(Box::new(store)));
    }
    let Some(redis) = &options.redis_store else {
        return Ok(None);
    };
    let durability = match &*redis.durability {
        "fsync" => Durability::Fsync,
        "replicas" => Durability::Replicas,
        _ => Durability::Memory,
    };
    let needs = Needs {
        keeps: true,
        fsync: durability == Durability::Fsync,
        replicas: durability == Durability::Replicas,
    };
    let first = link("store", redis, needs, telling)?;
    links.push(("store", first.clone()));
    let by = match durability {
        Durability::Memory => None,
        // Redis is lost and back together with the first connection, and the operator is told by that one.
        _ => {
            let quiet = Box::new(drop);
            let link = Link::open(address("store", redis)?, needs, quiet).map_err(failed)?;
            Some((link, durability))
        }
    };
    let store = RedisStore::confirmed(first, by, &redis.prefix, bounds).map_err(failed)?;
    Ok(Some(Box::new(store)))
}

/// The store in the application's hands, if there is to be one, and its calls.
pub(super) fn own_store(
    options: &NativeOptions,
    queue: &Arc<Queue>,
    log: &Log,
) -> Result<Option<(OwnStore, Arc<OwnCalls>)>> {
    if !options.own_store {
        return Ok(None);
    }
    let (queue, log) = (queue.clone(), log.clone());
    let ask = move |call, arguments: &str| queue.push(Job::Store { call, arguments });
    let tell = move |tell| {
        match tell {
        OwnTell::Fails(function, why) => log.write(Level::Error, Code::Store, "", || {
            format!(
                "{function} fails: {why}. Until {function} works, events whose states cannot be kept fail, too"
            )
        }),
        OwnTell::Works(function, after) => log.write(Level::Warn, Code::Store, "", || {
            format!("{function} works again after {:.1} s", after.as_secs_f64())
        }),
    }
    };
    let store = OwnStore::new(Box::new(ask), Box::new(tell));
    store.map(Some).map_err(failed)
}

/// Topics and presence, whose subscribers the runtime wakes, and the processes that share them.
fn shared(
    options: &NativeOptions,
    limits: &Limits,
    telling: &Telling,
    links: &mut Links,
) -> Result<Shared> {
    let runtime = runtime()?.handle().clone();
    let spawn: Spawn = Arc::new(move |task| drop(runtime.spawn(task)));
    let Some(redis) = &options.backplane else {
        return Ok(Shared {
            topics: Arc::new(MemoryTopics::new(limits, spawn.clone())),
            presence: Arc::new(MemoryPresence::new(limits, spawn)),
            processes: None,
        });
    };
    let needs = Needs {
        keeps: false,
        fsync: false,
        replicas: false,
    };
    let commands = link("backplane", redis, needs, telling)?;
    links.push(("backplane", commands.clone()));
    // The other link tells the operator.
    let quiet = Box::new(|_| ());
    let (address, prefix) = (address("backplane", redis)?, &redis.prefix);
    let backplane = Backplane::open(address, &commands, prefix, limits, &spawn, quiet);
    let Backplane { topics, between } = backplane.map_err(failed)?;
    let between: Arc<dyn Topics> = Arc::new(between);
    let processes = Processes::open(commands.clone(), between.clone(), prefix);
    let processes = processes.map_err(failed)?;
    let (others, link) = (processes.clone(), commands);
    let presence = RedisPresence::open(link, between, others, prefix, limits, spawn);
    Ok(Shared {
        topics: Arc::new(topics),
        presence: Arc::new(presence),
        processes: Some(processes),
    })
}

/// The address that the option of this name gives.
fn address(option: &str, redis: &NativeRedis) -> Result<Address> {
    let address = match &redis.urls[..] {
        [url] if !redis.is_cluster => Address::of(url),
        urls => Address::of_cluster(urls),
    };
    address.map_err(|error| failed(format!("{option}.redis: {error}")))
}

fn link(option: &str, redis: &NativeRedis, needs: Needs, telling: &Telling) -> Result<Link> {
    let telling = telling.clone();
    let tell = Box::new(move |tell| telling.tell(tell));
    Link::open(address(option, redis)?, needs, tell).map_err(failed)
}
