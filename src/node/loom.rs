//! `NativeLoom`, one application: how it begins and how it ends. Its functions stand in the other files of
//! this room, by what they are about.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::{Buffer, Function};
use napi::{CleanupEnvHook, Env, Result};
use napi_derive::napi;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use zeroize::Zeroize;

use super::announcements::hear_announcements;
use super::descriptors::Descriptors;
use super::failed;
use super::options::{NativeHistogram, NativeMetrics, NativeOptions, NativeStats};
use super::runtime::runtime;
use super::stores::{Chosen, Links, chosen, own_store, redis_stats};
use super::templates::templates;
use super::wake::waking_queue;
use crate::announcements::Announcements;
use crate::bridge::{Job, JsDispatcher, Queue};
use crate::budget::Budget;
use crate::context::{Context, Shared};
use crate::homes::Homes;
use crate::limits::Limits;
use crate::live_socket::LiveSocket;
use crate::log::Log;
use crate::members::Members;
use crate::quotas::Quotas;
use crate::sessions::{Pending, Sessions};
use crate::shared::{Across, RedisOwnership};
use crate::stats::{BUCKETS, Stats};
use crate::store::{OwnCalls, Store};
use crate::sync::{Mutex, lock};
use crate::token::Keyring;
use crate::topics::keep_swept;
use crate::transport::Relay;
use crate::turns::Turns;

/// How long a loom that closes waits until the other processes know of it.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Sockets, relays and upgrades that wait, each by the number that `lib/` chose for it.
#[derive(Default)]
pub(super) struct Handles {
    pub(super) sockets: Mutex<HashMap<u32, LiveSocket>>,
    /// The sockets of `sockets` that are in topics.
    pub(super) members: Arc<Members<u32>>,
    pub(super) relays: Mutex<HashMap<u32, Relay>>,
    pub(super) pending: Mutex<HashMap<u32, Pending>>,
}

/// All that a loom has until it is released: keys, a store with its thread, the shared state.
#[derive(Clone)]
pub(super) struct Open {
    pub(super) context: Shared<JsDispatcher>,
    pub(super) sessions: Arc<Sessions>,
}

/// All that has to be stopped at the environment's end. Emptied when the loom is released, because Node
/// never frees a hook that was removed: the hook must hold nothing by then.
type Slot = Arc<Mutex<Option<Open>>>;

/// One application.
#[napi]
pub struct NativeLoom {
    /// `None` once the loom is released.
    pub(super) open: Option<Open>,
    pub(super) stats: Arc<Stats>,
    pub(super) queue: Arc<Queue>,
    pub(super) handles: Handles,
    /// Cancelled when JavaScript need not be woken any more.
    ended: CancellationToken,
    hook: Option<(CleanupEnvHook<Slot>, Slot)>,
    /// The connections to Redis. Empty once the loom is released.
    links: Links,
    /// Tells other processes what JavaScript announces, if there are any.
    pub(super) announcements: Option<Announcements>,
    /// The calls of the application's store, if it has one.
    pub(super) own_calls: Option<Arc<OwnCalls>>,
    pub(super) descriptors: Arc<Descriptors>,
    /// The task that looks whether there are descriptors left. Started by the first `attach`.
    pub(super) watch: Option<AbortOnDropHandle<()>>,
    /// The task that has topics forget what has expired. `None` if the loom is released.
    sweeping: Option<AbortOnDropHandle<()>>,
}

#[napi]
impl NativeLoom {
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        mut options: NativeOptions,
        wake: Function<'_, (), ()>,
        given_up: Buffer,
    ) -> Result<Self> {
        let _runtime = runtime()?.enter();
        let keyring = Keyring::new(&options.secrets).map_err(failed);
        options.secrets.zeroize();
        let keyring = Arc::new(keyring?);
        let limits = Limits::with(&options.limits).map_err(failed)?;
        // This comes first, because opening it may fail: then there is nothing to take back.
        let Chosen {
            store,
            topics,
            presence,
            processes,
            telling,
            links,
        } = chosen(&options, &limits)?;
        let ended = CancellationToken::new();
        let queue = waking_queue(limits.waiting_calls, wake, ended.clone(), given_up)?;
        let log_queue = queue.clone();
        let log = Log::new(Box::new(move |line| {
            log_queue.push(Job::Log {
                level: line.level,
                code: line.code,
                about: &line.about,
                left_out: line.left_out,
                text: &line.text,
            });
        }));
        telling.to(&log);
        let (store, own_calls) = match own_store(&options, &queue, &log)? {
            Some((store, calls)) => (Some(Box::new(store) as Box<dyn Store>), Some(calls)),
            None => (store, None),
        };
        let stats = Arc::<Stats>::default();
        let budget = Arc::new(Budget::new(limits.waiting_bytes));
        let across = processes.as_ref().map(|processes| {
            let owners = RedisOwnership::new(processes.clone(), limits.park_time);
            let (processes, keyring) = (processes.clone(), keyring.clone());
            Across::new(
                processes,
                keyring,
                templates(),
                Arc::new(owners),
                log.clone(),
            )
        });
        let homes = processes.as_ref();
        let homes = homes.map(|processes| Homes::new(processes.clone(), keyring.clone()));
        let sessions = Sessions::with(&limits, stats.clone(), budget.clone(), across);
        if let Some(homes) = &homes {
            sessions.share(homes, &log);
        }
        let announcements = processes.as_ref();
        let announcements = announcements
            .map(|processes| hear_announcements(processes, &keyring, &queue, &sessions));
        let context = Arc::new(Context {
            dispatcher: JsDispatcher::new(queue.clone(), templates(), limits.form_fields),
            registry: Default::default(),
            keyring,
            stats: stats.clone(),
            development: options.development,
            living: options.development.then(Default::default),
            held_time: Default::default(),
            log,
            closing: CancellationToken::new(),
            budget: budget.clone(),
            quotas: Quotas::new(&limits),
            turns: Turns::new(&limits),
            topics,
            presence,
            processes,
            homes,
            store,
            tasks: TaskTracker::new(),
            limits,
        });
        let swept = keep_swept(Arc::downgrade(&context.topics));
        let sweeping = AbortOnDropHandle::new(runtime()?.spawn(swept));
        let open = Open { context, sessions };
        let slot = Slot::new(Mutex::new(Some(open.clone())));
        // The hook runs before the environment ends, on `process.exit()` and when a worker ends.
        let hook = env.add_env_cleanup_hook(slot.clone(), |slot| {
            let open = lock(&slot).take();
            if let Some(Open { context, sessions }) = open {
                context.closing.cancel();
                sessions.stop();
                context.dispatcher.close();
            }
        })?;
        Ok(Self {
            open: Some(open),
            stats,
            queue,
            announcements,
            handles: Handles::default(),
            ended,
            hook: Some((hook, slot)),
            links,
            own_calls,
            descriptors: Arc::default(),
            watch: None,
            sweeping: Some(sweeping),
        })
    }

    pub(super) fn open(&self) -> Result<&Open> {
        let open = self.open.as_ref();
        open.ok_or_else(|| failed("the loom has been closed"))
    }

    pub(super) fn context(&self) -> Result<&Shared<JsDispatcher>> {
        Ok(&self.open()?.context)
    }

    /// Settles the promise `request` with the result of a future: JSON, nothing, or an error.
    pub(super) fn settle_with<T: AsRef<str>, E: Display>(
        &self,
        request: u32,
        result: impl Future<Output = std::result::Result<Option<T>, E>> + Send + 'static,
    ) -> Result<()> {
        let queue = self.queue.clone();
        runtime()?.spawn(async move {
            let result = result.await.map_err(|error| error.to_string());
            let json = result.as_ref().map(|json| json.as_ref().map(T::as_ref));
            queue.push(Job::Settle {
                request,
                result: json.map_err(String::as_str),
            });
        });
        Ok(())
    }

    /// Gives back the keys, the store and the hook at the environment's end. Called after `close` was
    /// settled; after it, only `exchange` and `stats` may be called.
    #[napi(catch_unwind)]
    pub fn release(&mut self, env: Env) -> Result<()> {
        self.watch = None;
        self.sweeping = None;
        self.open = None;
        self.announcements = None;
        self.own_calls = None;
        self.links.clear();
        lock(&self.handles.relays).clear();
        lock(&self.handles.pending).clear();
        let Some((hook, slot)) = self.hook.take() else {
            return Ok(());
        };
        lock(&slot).take();
        env.remove_env_cleanup_hook(hook)
    }

    #[napi(catch_unwind)]
    pub fn stats(&self) -> NativeStats {
        let stats = &self.stats;
        let context = self.open.as_ref().map(|open| &open.context);
        let in_flight = context.map_or(0, |context| context.dispatcher.in_flight());
        let store = context.and_then(|context| context.store.as_ref());
        let size = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        NativeStats {
            connections: size(stats.connections.get()),
            components: size(stats.components.get()),
            parked: size(stats.parked.get()),
            stored: store.map_or(0, |store| store.stored()) as f64,
            events: stats.events.get() as f64,
            errors: stats.errors.get() as f64,
            queued_events: size(stats.queued_events.get()),
            tasks: size(stats.tasks.get()),
            waiting_calls: size(self.queue.waiting()),
            calls_in_flight: size(in_flight),
            redis: redis_stats(&self.links),
        }
    }

    /// The numbers beside the stats. From the first call on durations are measured.
    #[napi(catch_unwind)]
    pub fn metrics(&self) -> Result<NativeMetrics> {
        let stats = &self.stats;
        stats.time();
        let context = self.open.as_ref().map(|open| &open.context);
        let held = context.map_or_else(Default::default, |context| context.topics.held());
        let waiting = context.map_or(0, |context| context.budget.waiting());
        let failures = stats.failures().filter(|(_, count)| *count > 0);
        let durations = &stats.durations;
        let durations = [
            ("join", &durations.joins),
            ("event", &durations.events),
            ("visit", &durations.visits),
            ("call", &durations.calls),
            ("store", &durations.stores),
        ];
        Ok(NativeMetrics {
            joins: stats.joins.get() as f64,
            messages: stats.messages.get() as f64,
            bytes_received: stats.received.get() as f64,
            bytes_sent: stats.sent.get() as f64,
            failures: failures
                .map(|(code, count)| (code.name().to_owned(), count as f64))
                .collect(),
            waiting_bytes: waiting as f64,
            topics: held.topics as f64,
            topic_bytes: held.bytes as f64,
            subscriptions: held.subscriptions as f64,
            workers: u32::try_from(runtime()?.metrics().num_workers()).unwrap_or(u32::MAX),
            buckets: BUCKETS.to_vec(),
            durations: durations
                .map(|(name, histogram)| {
                    let (counts, sum) = histogram.read();
                    let counts = counts.into_iter().map(|count| count as f64).collect();
                    (name.to_owned(), NativeHistogram { counts, sum })
                })
                .into(),
        })
    }

    /// JavaScript is told of each step that is over, or is not any more.
    #[napi(catch_unwind)]
    pub fn observe(&self, is_observed: bool) {
        self.stats.observe(is_observed);
    }

    /// Drains for at most `timeout` milliseconds, then stops all connections and actors that are left.
    /// Settles `request` when the last actor and connection are gone.
    #[napi(catch_unwind)]
    pub fn close(&self, timeout: f64, request: u32) -> Result<()> {
        let sockets = std::mem::take(&mut *lock(&self.handles.sockets));
        let Open {
            context,
            sessions: parting,
        } = self.open()?.clone();
        let (queue, ended) = (self.queue.clone(), self.ended.clone());
        let timeout = Duration::try_from_secs_f64(timeout / 1000.0).unwrap_or(Duration::MAX);
        context.closing.cancel();
        context.presence.close();
        context.tasks.close();
        runtime()?.spawn(async move {
            parting.drain();
            sockets.values().for_each(LiveSocket::finish);
            if tokio::time::timeout(timeout, context.tasks.wait())
                .await
                .is_err()
            {
                parting.stop();
                sockets.values().for_each(LiveSocket::stop);
                context.tasks.wait().await;
            }
            let last_words = async {
                // Before others can find that this process is gone.
                context.presence.written().await;
                if let Some(processes) = &context.processes {
                    processes.close().await;
                }
            };
            // If Redis gives no answer, the others find it out by themselves.
            let _ = tokio::time::timeout(LAST_WORDS, last_words).await;
            if let Some(store) = &context.store {
                // The actors are gone, so the store has done all that they asked for.
                let _ = store.close().await;
            }
            // Dropped first: when the promise is settled, `lib/` releases the loom, and with it the last
            // references.
            drop((context, parting, sockets));
            queue.push(Job::Settle {
                request,
                result: Ok(None),
            });
            ended.cancel();
        });
        Ok(())
    }
}
