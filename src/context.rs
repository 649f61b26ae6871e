//! What every actor and connection of one application shares.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::budget::Budget;
use crate::codes::Code;
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
    /// What is published reaches all subscribers.
    pub topics: Arc<dyn Topics>,
    /// Who is there, by topic.
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
    /// Tells problems to the operator.
    pub log: Log,
    /// Cancelled when the application closes. From then on nobody joins.
    pub closing: CancellationToken,
    /// Counts the bytes that wait.
    pub budget: Arc<Budget>,
    /// Counts what each user, or address, has of what all share.
    pub quotas: Quotas,
    /// Turns of pages that join or come back.
    pub turns: Arc<Turns>,
    /// Every connection and actor task, so that closing can wait for the last one.
    pub tasks: TaskTracker,
}

impl<D> Context<D> {
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
