//! The parts that all actors and connections of one application share.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::budget::Budget;
use crate::clock::Now;
use crate::codes::Code;
use crate::held_time::HeldTime;
use crate::homes::Homes;
use crate::limits::Limits;
use crate::living::Living;
pub use crate::log::Level;
use crate::log::Log;
use crate::presence::Presence;
use crate::processes::Processes;
use crate::quotas::Quotas;
use crate::registry::Registry;
use crate::stats::Stats;
use crate::store::Store;
use crate::token::Keyring;
use crate::topics::Topics;
use crate::turns::Turns;

/// One application: a `createLoom` in Node, or one server in a test.
pub struct Context<D> {
    /// Calls the modules.
    pub dispatcher: D,
    /// The modules that pages may join.
    pub registry: Registry,
    /// Seals and opens tokens.
    pub keyring: Arc<Keyring>,
    /// Bounds on what clients and handlers can make the server hold.
    pub limits: Limits,
    /// The topics: a message that is published reaches all subscribers.
    pub topics: Arc<dyn Topics>,
    /// The people who are there, by topic.
    pub presence: Arc<dyn Presence>,
    /// The other processes of the application, if there is a backplane.
    pub processes: Option<Arc<Processes>>,
    /// Which process has a component, if there is a backplane.
    pub homes: Option<Arc<Homes>>,
    /// Holds states that must not be rolled back, if the application has given a store.
    pub store: Option<Box<dyn Store>>,
    /// Counters.
    pub stats: Arc<Stats>,
    /// Error texts go to the browser unchanged.
    pub development: bool,
    /// The actors that live; `None` in production, where nobody has them render again.
    pub living: Option<Living>,
    /// The time by which timers of components run, if a test holds it. Set before the first component begins.
    pub held_time: OnceLock<Arc<HeldTime>>,
    /// Tells problems to the operator.
    pub log: Log,
    /// Cancelled when the application closes. From then on nobody joins.
    pub closing: CancellationToken,
    /// Counts the bytes that wait.
    pub budget: Arc<Budget>,
    /// Counts how much each user, or address, has of the things that all share.
    pub quotas: Quotas,
    /// Turns of pages that join or come back.
    pub turns: Arc<Turns>,
    /// Every connection and actor task, so that closing can wait for the last one.
    pub tasks: TaskTracker,
}

impl<D> Context<D> {
    /// This moment, by the clock that timers of components run by.
    pub fn now(&self) -> Now {
        match self.held_time.get() {
            Some(held) => {
                let (instant, unix) = held.now();
                Now { instant, unix }
            }
            None => Now::here(),
        }
    }

    /// How long a page waits at least between two changes that no event asked for. While a test holds the time, nothing
    /// waits.
    pub fn patch_pause(&self) -> Duration {
        match self.held_time.get() {
            Some(_) => Duration::ZERO,
            None => Duration::from_secs(1) / self.limits.patch_rate.max(1),
        }
    }

    /// Tells the operator. Each place that calls this may write a bounded number of lines a minute.
    #[track_caller]
    pub fn log(&self, level: Level, code: Code, text: String) {
        self.log.write(level, code, "", || text);
    }

    /// As [`log`](Self::log), but the lines of each module are counted apart.
    #[track_caller]
    pub fn log_about(&self, level: Level, code: Code, module: &str, text: impl FnOnce() -> String) {
        self.log.write(level, code, module, text);
    }
}

/// Shared by everything that belongs to the application.
pub type Shared<D> = Arc<Context<D>>;
