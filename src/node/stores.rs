//! The store that the application has chosen.

use std::sync::Arc;

use napi::Result;

use super::failed;
use super::options::{NativeOptions, NativeRedis};
use crate::limits::Limits;
use crate::log::{Level, Log};
use crate::redis::{Address, Link, Needs, Tell};
use crate::store::{Bounds, RedisStore, SqliteStore, Store};
use crate::sync::{Mutex, lock};

/// The most that is kept for the operator before there is a log.
const MOST_WAITING: usize = 16;

/// What the operator is told of Redis. Until there is a log it waits here: a log needs the queue to JavaScript, and a
/// store that cannot be opened must be an error before there is one.
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
            format!("{why}; events whose states cannot be kept fail until it is back"),
        ),
        Tell::Back(after) => (
            Level::Warn,
            format!("Redis is back after {:.1} s", after.as_secs_f64()),
        ),
        Tell::Warning(text) => (Level::Warn, text),
    };
    log.write(level, "", || text);
}

/// Opens the store, if there is to be one. Waits for a second at most.
pub(super) fn store(
    options: &NativeOptions,
    limits: &Limits,
) -> Result<(Option<Box<dyn Store>>, Telling)> {
    let telling = Telling::default();
    let bounds = Bounds {
        keep: limits.token_age,
        stored: limits.stored,
        stored_per_holder: limits.stored_per_holder,
    };
    if let Some(path) = &options.sqlite {
        let store = SqliteStore::open(path.as_ref(), bounds).map_err(failed)?;
        return Ok((Some(Box::new(store)), telling));
    }
    let Some(redis) = &options.redis_store else {
        return Ok((None, telling));
    };
    let link = link(redis, telling.clone())?;
    let store = RedisStore::new(link, &redis.prefix, bounds).map_err(failed)?;
    Ok((Some(Box::new(store)), telling))
}

fn link(redis: &NativeRedis, telling: Telling) -> Result<Link> {
    let address = match &redis.urls[..] {
        [url] if !redis.is_cluster => Address::of(url),
        urls => Address::of_cluster(urls),
    };
    let needs = Needs {
        keeps: true,
        fsync: false,
    };
    let tell = Box::new(move |tell| telling.tell(tell));
    Link::open(address.map_err(failed)?, needs, tell).map_err(failed)
}
