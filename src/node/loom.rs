//! `NativeLoom`: everything that `lib/` calls.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use napi::bindgen_prelude::{BufferSlice, Function, Uint8ArraySlice, Uint32ArraySlice};
use napi::{Env, Error, Result};
use napi_derive::napi;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::options::{
    NativeConnection, NativeOptions, NativeOutput, NativeStats, NativeTemplate, NativeUpgrade,
};
use super::runtime::runtime;
use super::socket::ToJavaScript;
use super::wake::waking_queue;
use crate::bridge::{Batch, Job, JsDispatcher, Queue};
use crate::budget::Budget;
use crate::connection::random::random_text;
use crate::connection::{Sessions, serve};
use crate::context::{Context, Level, Shared, unix_now};
use crate::limits::Limits;
use crate::live_socket::{LiveSocket, Start};
use crate::props::Props;
use crate::protocol::{ClientEvent, SpecialVars};
use crate::registry::Details;
use crate::stats::Stats;
use crate::store::{Bounds, SqliteStore, Store};
use crate::token::{Claims, Keyring, Kind};
use crate::transport::{BoxTransport, Bridge, BridgeSignal, Descriptor, bridge};
use crate::tree::{Compact, Mismatch, Render, Templates};
use crate::turns::Turns;

/// A template's statics are the literal's own, so one registry serves every application.
fn templates() -> &'static Templates {
    static TEMPLATES: std::sync::LazyLock<Templates> = std::sync::LazyLock::new(Templates::new);
    &TEMPLATES
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::from_reason(error.to_string())
}

/// The text that `lib/` wrote; it writes UTF-8 and nothing else.
fn text_of(text: &[u8], bytes: u32) -> &str {
    let text = text.get(..bytes as usize).unwrap_or_default();
    std::str::from_utf8(text).unwrap_or_default()
}

/// Everything by the number that `lib/` chose for it.
#[derive(Default)]
struct Handles {
    sockets: Mutex<HashMap<u32, LiveSocket>>,
    bridges: Mutex<HashMap<u32, Bridge>>,
}

/// One application.
#[napi]
pub struct NativeLoom {
    context: Shared<JsDispatcher>,
    sessions: Arc<Sessions>,
    queue: Arc<Queue>,
    handles: Handles,
    /// Nothing is left to wake JavaScript for.
    ended: CancellationToken,
}

/// Compiles a template literal's statics.
#[napi(catch_unwind)]
pub fn compile_template(source: Vec<String>) -> Result<NativeTemplate> {
    let source: Vec<&str> = source.iter().map(String::as_str).collect();
    let (id, template) = templates().add(&source).map_err(failed)?;
    Ok(NativeTemplate {
        id,
        kinds: template.value_kinds(),
    })
}

/// Where a value stands, for an error message.
#[napi(catch_unwind)]
pub fn describe_value(template: u32, value: u32) -> String {
    let list = templates().read();
    let template = list.get(template as usize);
    template.map_or_else(String::new, |template| template.describe(value as usize))
}

/// The table of limits, as JSON.
#[napi(catch_unwind)]
pub fn limits() -> Result<String> {
    serde_json::to_string(&Limits::table()).map_err(failed)
}

#[napi]
impl NativeLoom {
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, options: NativeOptions, wake: Function<'_, (), ()>) -> Result<Self> {
        let _runtime = runtime()?.enter();
        let keyring = Keyring::new(&options.secrets).map_err(failed)?;
        let limits = Limits::with(&options.limits).map_err(failed)?;
        // Before anything that a failure would have to take back.
        let store = options.sqlite.map(|path| {
            let bounds = Bounds {
                keep: limits.token_age,
                stored: limits.stored,
                stored_per_holder: limits.stored_per_holder,
            };
            let store = SqliteStore::open(path.as_ref(), bounds).map_err(failed)?;
            Ok::<Box<dyn Store>, Error>(Box::new(store))
        });
        let store = store.transpose()?;
        let ended = CancellationToken::new();
        let queue = waking_queue(limits.waiting_calls, wake, ended.clone())?;
        let log_queue = queue.clone();
        let stats = Arc::<Stats>::default();
        let budget = Arc::new(Budget::new(limits.waiting_bytes));
        let sessions = Sessions::new(&limits, stats.clone(), budget.clone());
        let context = Arc::new(Context {
            dispatcher: JsDispatcher::new(queue.clone(), templates()),
            registry: Default::default(),
            keyring,
            stats: stats.clone(),
            development: options.development,
            log: Box::new(move |level, text| {
                let text = text.as_str();
                log_queue.push(Job::Log { level, text });
            }),
            closing: CancellationToken::new(),
            budget: budget.clone(),
            turns: Turns::new(&limits),
            store,
            tasks: TaskTracker::new(),
            limits,
        });
        // Runs before the environment goes, on `process.exit()` and when a worker ends.
        env.add_env_cleanup_hook(
            (context.clone(), sessions.clone()),
            |(context, sessions)| {
                context.closing.cancel();
                sessions.stop();
                context.dispatcher.close();
            },
        )?;
        Ok(Self {
            context,
            sessions,
            queue,
            handles: Handles::default(),
            ended,
        })
    }

    /// Adds a module's name and gives its number.
    #[napi(catch_unwind)]
    pub fn register(
        &self,
        name: String,
        raw: bool,
        version: u32,
        private: Vec<String>,
        authorizes: bool,
    ) -> Result<u32> {
        let private = private.into_iter().map(Into::into).collect();
        let details = Details {
            version,
            private,
            authorizes,
        };
        let added = self.context.registry.add(&name, raw, details);
        let module = added.map_err(failed)?;
        Ok(module.id)
    }

    /// Gives names numbers from `first` on; calls name them so.
    #[napi(catch_unwind)]
    pub fn number_names(&self, first: u32, names: Vec<String>) {
        self.queue.number_names(first, names);
    }

    /// Takes the results of what was done, and gives what is to be done next, or nothing: how many
    /// calls there are as numbers, and these, in `calls`; the other jobs as a JSON array, or an empty
    /// text.
    #[napi(catch_unwind)]
    pub fn exchange(
        &self,
        ops: Uint32ArraySlice<'_>,
        used: u32,
        text: Uint8ArraySlice<'_>,
        bytes: u32,
        mut calls: BufferSlice<'_>,
    ) -> Option<String> {
        if used > 0 {
            let ops = ops.get(..used as usize).unwrap_or_default().to_vec();
            let text = text_of(&text, bytes).to_owned();
            self.context.dispatcher.give(Batch { ops, text });
        }
        let taken = self.queue.take()?;
        let count = taken.calls.len() as f64;
        let numbers = std::iter::once(count).chain(taken.calls.into_iter().flatten());
        for (place, number) in calls.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_ne_bytes());
        }
        Some(taken.jobs)
    }

    /// The upgrade request behind a call in flight, as JSON.
    #[napi(catch_unwind)]
    pub fn request(&self, call: u32) -> Option<String> {
        let request = self.context.dispatcher.request(call)?;
        Some(request.to_string())
    }

    /// The HTML of one rendered tree.
    #[napi(catch_unwind)]
    pub fn to_html(
        &self,
        ops: Uint32ArraySlice<'_>,
        used: u32,
        text: Uint8ArraySlice<'_>,
        bytes: u32,
    ) -> Result<String> {
        let ops = ops.get(..used as usize).unwrap_or_default();
        let text = text_of(&text, bytes);
        let mut compact = Compact::new(ops, text);
        let decoded = compact.render(&templates().read()).map_err(failed)?;
        self.context.dispatcher.log_refused(&decoded.refused);
        let tree = decoded.render.map_or(Err(Mismatch), Render::into_tree);
        Ok(tree.map_err(failed)?.to_html())
    }

    /// A token that lets a page join.
    #[napi(catch_unwind)]
    pub fn seal(&self, module: String, props_json: String, bind: String) -> Result<String> {
        let claims = Claims {
            kind: Kind::Mount,
            version: self.version(&module),
            module,
            props_json,
            instance: String::new(),
            number: 0,
            issued_at: unix_now(),
        };
        self.context.keyring.seal(&claims, &bind).map_err(failed)
    }

    /// Takes over a socket by its descriptor. The caller then destroys its own.
    #[napi(catch_unwind)]
    pub fn accept_descriptor(
        &self,
        descriptor: i32,
        head: Uint8ArraySlice<'_>,
        upgrade: NativeUpgrade,
    ) -> Result<()> {
        let descriptor = Descriptor::duplicate(descriptor).map_err(failed)?;
        self.serve(move || descriptor.into_transport(), &head, upgrade)
    }

    /// Takes over a socket whose bytes `lib/` carries.
    #[napi(catch_unwind)]
    pub fn accept_bridge(
        &self,
        number: u32,
        head: Uint8ArraySlice<'_>,
        upgrade: NativeUpgrade,
    ) -> Result<()> {
        let queue = self.queue.clone();
        let (bridge, stream) = bridge(Box::new(move |signal| {
            queue.push(Job::Bridge {
                bridge: number,
                resume: signal == BridgeSignal::Resume,
            });
        }));
        lock(&self.handles.bridges).insert(number, bridge);
        self.serve(move || Ok(Box::new(stream) as BoxTransport), &head, upgrade)
    }

    /// Leaves as much as can be to the runtime's thread, memory for the connection included: what it
    /// takes to accept one is what everybody waits for when all pages come at once.
    fn serve(
        &self,
        open: impl FnOnce() -> std::io::Result<BoxTransport> + Send + 'static,
        head: &[u8],
        upgrade: NativeUpgrade,
    ) -> Result<()> {
        let (context, sessions) = (self.context.clone(), self.sessions.clone());
        let head = head.to_vec();
        let task = async move {
            let transport = match open() {
                Ok(transport) => transport,
                Err(error) => {
                    let text = format!("a connection could not be taken over: {error}");
                    return context.log(Level::Error, text);
                }
            };
            let (request, peer) = upgrade.split();
            Box::pin(serve(context, sessions, transport, head, request, peer)).await;
        };
        self.context.tasks.spawn_on(task, runtime()?.handle());
        Ok(())
    }

    fn version(&self, module: &str) -> u32 {
        let found = self.context.registry.get(module);
        found.map_or(0, |(_, details)| details.version)
    }

    fn bridge(&self, number: u32) -> Option<Bridge> {
        lock(&self.handles.bridges).get(&number).cloned()
    }

    /// Bytes that a bridged socket read; false asks to stop reading.
    #[napi(catch_unwind)]
    pub fn bridge_push(&self, number: u32, bytes: Uint8ArraySlice<'_>) -> bool {
        self.bridge(number).is_none_or(|bridge| bridge.push(&bytes))
    }

    /// A bridged socket's other end has sent its last byte.
    #[napi(catch_unwind)]
    pub fn bridge_end(&self, number: u32) {
        if let Some(bridge) = self.bridge(number) {
            bridge.end();
        }
    }

    /// What a bridged socket is to write.
    #[napi(catch_unwind)]
    pub fn bridge_pull<'env>(
        &self,
        env: &'env Env,
        number: u32,
    ) -> Result<Option<NativeOutput<'env>>> {
        let Some(bridge) = self.bridge(number) else {
            return Ok(None);
        };
        let output = bridge.pull();
        Ok(Some(NativeOutput {
            bytes: BufferSlice::copy_from(env, &output.bytes)?,
            ended: output.ended,
            gone: output.gone,
        }))
    }

    /// A bridged socket has written so many bytes.
    #[napi(catch_unwind)]
    pub fn bridge_written(&self, number: u32, count: u32) {
        if let Some(bridge) = self.bridge(number) {
            bridge.written(count as usize);
        }
    }

    /// A bridged socket is gone.
    #[napi(catch_unwind)]
    pub fn bridge_destroy(&self, number: u32) {
        let bridge = lock(&self.handles.bridges).remove(&number);
        if let Some(bridge) = bridge {
            bridge.destroy();
        }
    }

    /// Starts a live socket; settles `number` when it has rendered, and replies to it.
    #[napi(catch_unwind)]
    pub fn start(&self, number: u32, id: String, module: String, props_json: String) -> Result<()> {
        let _runtime = runtime()?.enter();
        let found = self.context.registry.get(&module);
        let (registered, _) =
            found.ok_or_else(|| failed(format!("no module {module:?} is registered")))?;
        if self.context.closing.is_cancelled() {
            return Err(failed("the application is closing"));
        }
        let id: Arc<str> = id.into();
        let start = Start {
            id: id.clone(),
            module: registered,
            module_name: module.into(),
            request: None,
            props: Arc::new(Props::from_json(&props_json)),
            instance: random_text().into(),
            origin: None,
            place: None,
            number: 0,
        };
        let queue = self.queue.clone();
        let socket =
            LiveSocket::start(&self.context, start, |_| ToJavaScript { queue, id, number });
        lock(&self.handles.sockets).insert(number, socket);
        Ok(())
    }

    /// Hands an event to a live socket.
    #[napi(catch_unwind)]
    pub fn send(
        &self,
        number: u32,
        handler: String,
        event: String,
        value: Option<String>,
        checked: Option<bool>,
        key: Option<String>,
    ) -> Result<()> {
        let event = ClientEvent {
            handler: handler.into(),
            event: event.into(),
            special_vars: SpecialVars {
                value: value.map(Into::into),
                checked,
                key: key.map(Into::into),
                form: None,
            },
        };
        let sockets = lock(&self.handles.sockets);
        let socket = sockets.get(&number).ok_or_else(stopped)?;
        socket.event(event).map_err(failed)
    }

    /// Settles `request` with the live socket's state.
    #[napi(catch_unwind)]
    pub fn state(&self, number: u32, request: u32) -> Result<()> {
        let sockets = lock(&self.handles.sockets);
        let socket = sockets.get(&number).ok_or_else(stopped)?;
        let receiver = socket.state().map_err(failed)?;
        let queue = self.queue.clone();
        runtime()?.spawn(async move {
            let snapshot = receiver.await.map(|state| {
                serde_json::json!({
                    "id": &*state.id,
                    "module": &*state.module,
                    "propsJson": state.props_json,
                    "treeJson": state.tree_json,
                })
                .to_string()
            });
            let result = match &snapshot {
                Ok(json) => Ok(Some(json.as_str())),
                Err(_) => Err("the live socket has stopped"),
            };
            queue.push(Job::Settle { request, result });
        });
        Ok(())
    }

    /// Stops a live socket.
    #[napi(catch_unwind)]
    pub fn stop(&self, number: u32) {
        // Dropped outside the lock.
        let socket = lock(&self.handles.sockets).remove(&number);
        drop(socket);
    }

    #[napi(catch_unwind)]
    pub fn stats(&self) -> NativeStats {
        let stats = &self.context.stats;
        let size = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        NativeStats {
            connections: size(stats.connections.get()),
            components: size(stats.components.get()),
            parked: size(stats.parked.get()),
            stored: self
                .context
                .store
                .as_ref()
                .map_or(0, |store| store.stored()) as f64,
            events: stats.events.get() as f64,
            errors: stats.errors.get() as f64,
            queued_events: size(stats.queued_events.get()),
            waiting_calls: size(self.queue.waiting()),
            calls_in_flight: size(self.context.dispatcher.in_flight()),
        }
    }

    /// Who is connected, and who may come back.
    #[napi(catch_unwind)]
    pub fn connections(&self) -> Vec<NativeConnection> {
        let open = self.sessions.connections();
        let parked = self.sessions.parked();
        open.into_iter().chain(parked).map(Into::into).collect()
    }

    /// Closes connections and ends what is parked, by their numbers; gives how many there were.
    #[napi(catch_unwind)]
    pub fn disconnect(&self, numbers: Vec<f64>) -> u32 {
        // Numbers count from 1 and stay below 2^53.
        let numbers: Vec<u64> = numbers.into_iter().map(|number| number as u64).collect();
        u32::try_from(self.sessions.disconnect(&numbers)).unwrap_or(u32::MAX)
    }

    /// Drains for at most `timeout` milliseconds, then stops what is left; settles `request` when
    /// the last actor and connection are gone.
    #[napi(catch_unwind)]
    pub fn close(&self, timeout: f64, request: u32) -> Result<()> {
        let sockets = std::mem::take(&mut *lock(&self.handles.sockets));
        let (context, queue) = (self.context.clone(), self.queue.clone());
        let (ended, parting) = (self.ended.clone(), self.sessions.clone());
        let timeout = Duration::try_from_secs_f64(timeout / 1000.0).unwrap_or(Duration::MAX);
        context.closing.cancel();
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
            if let Some(store) = &context.store {
                // It has done all that the actors asked for.
                let _ = store.close().await;
            }
            queue.push(Job::Settle {
                request,
                result: Ok(None),
            });
            ended.cancel();
        });
        Ok(())
    }
}

fn stopped() -> Error {
    failed("the live socket has stopped")
}
