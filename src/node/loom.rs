//! `NativeLoom`: all functions that `lib/` calls.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::{Buffer, BufferSlice, Function, Uint8ArraySlice, Uint32ArraySlice};
use napi::{CleanupEnvHook, Env, Error, Result};
use napi_derive::napi;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use zeroize::Zeroize;

use super::descriptors::Descriptors;
use super::options::{
    NativeConnection, NativeMisplaced, NativeOptions, NativeOutput, NativeStats, NativeTemplate,
    NativeUpgrade,
};
use super::runtime::runtime;
use super::socket::ToJavaScript;
use super::wake::waking_queue;
use crate::bridge::{Batch, Job, JsDispatcher, ModuleNames, Queue};
use crate::budget::Budget;
use crate::clock::unix_now;
use crate::connection::serve_arrival;
use crate::context::{Context, Level, Shared};
use crate::effects::{OWN, own_topic};
use crate::ids::{Life, Point};
use crate::limits::Limits;
use crate::live_socket::{LiveSocket, Start};
use crate::log::Log;
use crate::members::{Leave, Members, Whose};
use crate::ongoing::{Ongoing, OngoingError};
use crate::presence::{MemoryPresence, Presence};
use crate::props::Props;
use crate::protocol::{ClientEvent, SpecialVars};
use crate::quotas::Quotas;
use crate::random::random_text;
use crate::registry::Details;
use crate::sessions::{OpenConnection, Pending, Sessions, counted};
use crate::stats::Stats;
use crate::store::{Bounds, SqliteStore, Store};
use crate::sync::{Mutex, lock};
use crate::token::{Claims, Keyring, Kind};
use crate::topics::{MemoryTopics, Sink, Subscribed, Topics, keep_swept};
use crate::transport::{BoxTransport, Descriptor, Relay, RelaySignal, relay};
use crate::tree::{Compact, Mismatch, Render, Templates};
use crate::turns::Turns;

/// All templates of the process. A template is its literal's statics alone, so all applications share one
/// registry.
fn templates() -> &'static Templates {
    static TEMPLATES: std::sync::LazyLock<Templates> = std::sync::LazyLock::new(Templates::new);
    &TEMPLATES
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::from_reason(error.to_string())
}

/// A text that `lib/` has written; `lib/` always writes UTF-8.
fn text_of(text: &[u8], bytes: u32) -> &str {
    let text = text.get(..bytes as usize).unwrap_or_default();
    std::str::from_utf8(text).unwrap_or_default()
}

/// Sockets, relays and upgrades that wait, each by the number that `lib/` chose for it.
#[derive(Default)]
struct Handles {
    sockets: Mutex<HashMap<u32, LiveSocket>>,
    /// Those of `sockets` that are in topics.
    members: Arc<Members<u32>>,
    relays: Mutex<HashMap<u32, Relay>>,
    pending: Mutex<HashMap<u32, Pending>>,
}

impl Handles {
    /// Calls `each` with the live sockets that are taken out of a topic. Gives how many there are. They are nobody's:
    /// they are meant if all are.
    fn of_topic(&self, leave: &Leave, mut each: impl FnMut(&LiveSocket)) -> usize {
        let mut count = 0;
        if leave.whose.is_everybody() {
            self.members.leave(leave, |number| {
                if let Some(socket) = lock(&self.sockets).get(&number) {
                    each(socket);
                    count += 1;
                }
            });
        }
        count
    }
}

/// All that a loom has until it is released: keys, a store with its thread, the shared state.
#[derive(Clone)]
struct Open {
    context: Shared<JsDispatcher>,
    sessions: Arc<Sessions>,
}

impl Open {
    /// JavaScript starts no more calls for the connections that are meant. The connections are about to be
    /// closed, but end a moment later, on other threads.
    fn revoke(&self, is_meant: impl Fn(&OpenConnection) -> bool) {
        let open = self.sessions.connections().into_iter();
        let known = open.chain(self.sessions.parked());
        let requests = known.filter(is_meant).filter_map(|one| one.peer.request);
        let requests: Vec<Arc<str>> = requests.collect();
        self.context.dispatcher.revoke(&requests);
    }
}

/// All that has to be stopped at the environment's end. Emptied when the loom is released, because Node
/// never frees a hook that was removed: the hook must hold nothing by then.
type Slot = Arc<Mutex<Option<Open>>>;

/// One application.
#[napi]
pub struct NativeLoom {
    /// `None` once the loom is released.
    open: Option<Open>,
    stats: Arc<Stats>,
    queue: Arc<Queue>,
    handles: Handles,
    /// Cancelled when JavaScript need not be woken any more.
    ended: CancellationToken,
    hook: Option<(CleanupEnvHook<Slot>, Slot)>,
    descriptors: Arc<Descriptors>,
    /// The task that looks whether there are descriptors left. Started by the first `attach`.
    watch: Option<AbortOnDropHandle<()>>,
    /// The task that has topics forget what has expired. `None` once the loom is released.
    sweeping: Option<AbortOnDropHandle<()>>,
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

/// Says where in its template a value stands, for an error message.
#[napi(catch_unwind)]
pub fn describe_value(template: u32, value: u32) -> String {
    let list = templates().read();
    let template = list.get(template as usize);
    template.map_or_else(String::new, |template| template.describe(value as usize))
}

/// A part of a component's HTML that a browser would move out of this container, and a container in which
/// that part could stand; nothing if all of it can stay.
#[napi(catch_unwind)]
pub fn misplaced(container: String, html: String) -> Option<NativeMisplaced> {
    crate::template::misplaced(&container, &html).map(|found| NativeMisplaced {
        what: found.to_string(),
        container: found.container().map(str::to_owned),
    })
}

/// The table of limits, as JSON.
#[napi(catch_unwind)]
pub fn limits() -> Result<String> {
    serde_json::to_string(&Limits::table()).map_err(failed)
}

/// The numbers and names that both sides of the edge use, as JSON: see [`crate::codec`].
#[napi(catch_unwind)]
pub fn codec() -> String {
    crate::codec::table().to_string()
}

/// Topics whose subscribers the runtime wakes.
fn topics(limits: &Limits) -> Result<Arc<dyn Topics>> {
    let runtime = runtime()?.handle().clone();
    let spawn = move |task| drop(runtime.spawn(task));
    Ok(Arc::new(MemoryTopics::new(limits, Box::new(spawn))))
}

/// Presence whose watchers the runtime wakes.
fn presence(limits: &Limits) -> Result<Arc<dyn Presence>> {
    let runtime = runtime()?.handle().clone();
    let spawn = move |task| drop(runtime.spawn(task));
    Ok(Arc::new(MemoryPresence::new(limits, Box::new(spawn))))
}

/// Nobody: for a subscription that only keeps a topic.
struct Nobody;

impl Sink for Nobody {
    fn wake(&self, _subscription: u32) {}
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
        let keyring = keyring?;
        let limits = Limits::with(&options.limits).map_err(failed)?;
        // The store comes first, because opening it may fail: then there is nothing to take back.
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
        let queue = waking_queue(limits.waiting_calls, wake, ended.clone(), given_up)?;
        let log_queue = queue.clone();
        let stats = Arc::<Stats>::default();
        let budget = Arc::new(Budget::new(limits.waiting_bytes));
        let sessions = Sessions::new(&limits, stats.clone(), budget.clone());
        let context = Arc::new(Context {
            dispatcher: JsDispatcher::new(queue.clone(), templates(), limits.form_fields),
            registry: Default::default(),
            keyring,
            stats: stats.clone(),
            development: options.development,
            log: Log::new(Box::new(move |level, text| {
                let text = text.as_str();
                log_queue.push(Job::Log { level, text });
            })),
            closing: CancellationToken::new(),
            budget: budget.clone(),
            quotas: Quotas::new(&limits),
            turns: Turns::new(&limits),
            topics: topics(&limits)?,
            presence: presence(&limits)?,
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
            handles: Handles::default(),
            ended,
            hook: Some((hook, slot)),
            descriptors: Arc::default(),
            watch: None,
            sweeping: Some(sweeping),
        })
    }

    fn open(&self) -> Result<&Open> {
        let open = self.open.as_ref();
        open.ok_or_else(|| failed("the loom has been closed"))
    }

    fn context(&self) -> Result<&Shared<JsDispatcher>> {
        Ok(&self.open()?.context)
    }

    /// Gives back the keys, the store and the hook at the environment's end. Called after `close` was
    /// settled; after it, only `exchange` and `stats` may be called.
    #[napi(catch_unwind)]
    pub fn release(&mut self, env: Env) -> Result<()> {
        self.watch = None;
        self.sweeping = None;
        self.open = None;
        lock(&self.handles.relays).clear();
        lock(&self.handles.pending).clear();
        let Some((hook, slot)) = self.hook.take() else {
            return Ok(());
        };
        lock(&slot).take();
        env.remove_env_cleanup_hook(hook)
    }

    /// Where a topic is now, for a call in flight that subscribes to it: `[epoch, number, number of the
    /// oldest message that is kept less one]`, as JSON. The topic is kept until the call is over.
    #[napi(catch_unwind)]
    pub fn position(&self, call: u32, topic: String) -> Result<String> {
        let context = self.context()?;
        let mut answer = context.topics.subscribe(&topic, Arc::new(Nobody), 0);
        // Topics in memory answer at once.
        let mut waker = std::task::Context::from_waker(std::task::Waker::noop());
        let std::task::Poll::Ready(answer) = answer.as_mut().poll(&mut waker) else {
            return Err(failed("the topic does not answer"));
        };
        let Subscribed {
            subscription,
            now,
            oldest,
        } = answer.map_err(failed)?;
        if !context.dispatcher.hold(call, subscription) {
            return Err(failed("the step is over"));
        }
        Ok(format!(
            "[\"{}\",{},{}]",
            now.epoch, now.number, oldest.number
        ))
    }

    /// Publishes JSON text; settles the promise when the topic has it.
    #[napi(catch_unwind)]
    pub fn publish(
        &self,
        topic: String,
        id: Option<String>,
        data: String,
        request: u32,
    ) -> Result<()> {
        if topic.starts_with(OWN) {
            return Err(failed("a topic's name does not begin with U+0000"));
        }
        self.publish_to(&topic, id.as_deref(), data, request)
    }

    /// Sends JSON text to one component, by its address; settles the promise when its topic has it.
    #[napi(catch_unwind)]
    pub fn send_to(
        &self,
        address: String,
        id: Option<String>,
        data: String,
        request: u32,
    ) -> Result<()> {
        let name = self.context()?.keyring.open_address(&address);
        let name = name.ok_or_else(|| failed(OngoingError::Address))?;
        self.publish_to(&own_topic(&name), id.as_deref(), data, request)
    }

    fn publish_to(&self, topic: &str, id: Option<&str>, data: String, request: u32) -> Result<()> {
        let published = self.context()?.topics.publish(topic, id, data.into());
        let queue = self.queue.clone();
        runtime()?.spawn(async move {
            let text = published.await.err().map(|error| error.to_string());
            queue.push(Job::Settle {
                request,
                result: text.as_deref().map_or(Ok(None), Err),
            });
        });
        Ok(())
    }

    /// Who is there; settles `request` with what receivers get first.
    #[napi(catch_unwind)]
    pub fn presence(&self, topic: String, request: u32) -> Result<()> {
        if topic.starts_with(OWN) {
            return Err(failed("a topic's name does not begin with U+0000"));
        }
        let everybody = self.context()?.presence.everybody(&topic);
        let queue = self.queue.clone();
        runtime()?.spawn(async move {
            let everybody = everybody.await.map_err(|error| error.to_string());
            let result = everybody.as_deref().map(Some).map_err(String::as_str);
            queue.push(Job::Settle { request, result });
        });
        Ok(())
    }

    /// The address of the component of that public name.
    #[napi(catch_unwind)]
    pub fn address(&self, name: String) -> Result<String> {
        self.context()?.keyring.address(&name).map_err(failed)
    }

    /// From here on looks whether the process has descriptors left for new connections.
    #[napi(catch_unwind)]
    pub fn watch_descriptors(&mut self) -> Result<()> {
        if self.watch.is_some() {
            return Ok(());
        }
        let (descriptors, queue) = (self.descriptors.clone(), self.queue.clone());
        let watch = runtime()?.spawn(async move {
            let log = |level, text| queue.push(Job::Log { level, text });
            descriptors.watch(log).await;
        });
        self.watch = Some(AbortOnDropHandle::new(watch));
        Ok(())
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
        receivers: Vec<String>,
    ) -> Result<u32> {
        let private = private.into_iter().map(Into::into).collect();
        let details = Details {
            version,
            private,
            authorizes,
            receivers: receivers.into_iter().map(Into::into).collect(),
        };
        let added = self.context()?.registry.add(&name, raw, details);
        let module = added.map_err(failed)?;
        Ok(module.id)
    }

    /// Gives numbers from `first` on to types of events, then to the handlers of a module, then to its
    /// receivers. Calls as numbers use them. Without handlers the module takes any name. If `strict`, events
    /// for other handlers are refused without asking JavaScript.
    #[napi(catch_unwind)]
    pub fn number_names(
        &self,
        first: u32,
        types: Vec<String>,
        module: u32,
        handlers: Option<Vec<String>>,
        strict: bool,
        receivers: Vec<String>,
    ) -> Result<()> {
        let dispatcher = &self.context()?.dispatcher;
        let names = ModuleNames {
            types,
            handlers,
            strict,
            receivers,
        };
        dispatcher.name(first, module, names);
        Ok(())
    }

    /// The calls that were given up since the last `given_up` or `exchange`.
    #[napi(catch_unwind)]
    pub fn given_up(&self) -> Vec<u32> {
        self.queue.given_up()
    }

    /// Takes the results of the calls that are done, and gives the next jobs; nothing if there are none.
    /// Calls as numbers are written into `calls`, and their count is given; the other jobs are given as a
    /// JSON array, or an empty text.
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
            // If the loom is released, these are results of calls that were given up while it closed.
            if let Some(open) = &self.open {
                open.context.dispatcher.give(Batch { ops, text });
            }
        }
        let taken = self.queue.take()?;
        let count = taken.calls.len() as f64;
        let numbers = std::iter::once(count).chain(taken.calls.into_iter().flatten());
        for (place, number) in calls.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_ne_bytes());
        }
        Some(taken.jobs)
    }

    /// The caller of a call in flight: the upgrade request as JSON, its `bind`, and the page's URL; for a shared
    /// component also the key and the viewer, which is empty if the call is for none. An empty list if the call
    /// is not for a page, nothing if the call is over.
    #[napi(catch_unwind)]
    pub fn caller(&self, call: u32) -> Option<Vec<String>> {
        let caller = self.open.as_ref()?.context.dispatcher.caller(call)?;
        let texts = caller.map(|caller| {
            let texts = [&caller.request, &caller.bind, &caller.page];
            let sharing = caller.sharing.iter();
            let sharing = sharing.flat_map(|sharing| [&sharing.key, &sharing.viewer]);
            let texts = texts.into_iter().chain(sharing);
            texts.map(|text| text.to_string()).collect()
        });
        Some(texts.unwrap_or_default())
    }

    /// The topics that the component of a call in flight has subscribed to; nothing if the call is over.
    #[napi(catch_unwind)]
    pub fn topics(&self, call: u32) -> Option<Vec<String>> {
        let topics = self.open.as_ref()?.context.dispatcher.topics(call)?;
        let names = topics.iter().flat_map(|names| names.iter());
        Some(names.map(|name| name.to_string()).collect())
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
        self.context()?.dispatcher.log_refused(&decoded.refused);
        let tree = decoded.render.map_or(Err(Mismatch), Render::into_tree);
        Ok(tree.map_err(failed)?.to_html())
    }

    /// A token that lets a page join.
    #[napi(catch_unwind)]
    pub fn seal(
        &self,
        module: String,
        props_json: String,
        bind: String,
        page: String,
    ) -> Result<String> {
        let claims = Claims {
            kind: Kind::Mount,
            version: self.version(&module)?,
            module,
            props_json,
            instance: String::new(),
            viewer: String::new(),
            owner: Life::default(),
            point: Point::default(),
            life: Life::default(),
            ongoing: String::new(),
            page,
            issued_at: unix_now(),
        };
        self.context()?.keyring.seal(&claims, &bind).map_err(failed)
    }

    /// A token that lets a page join the shared component of this module and key.
    #[napi(catch_unwind)]
    pub fn seal_shared(
        &self,
        module: String,
        key: String,
        bind: String,
        page: String,
    ) -> Result<String> {
        let claims = Claims {
            kind: Kind::Shared,
            version: self.version(&module)?,
            module,
            props_json: String::new(),
            instance: key,
            viewer: String::new(),
            owner: Life::default(),
            point: Point::default(),
            life: Life::default(),
            ongoing: String::new(),
            page,
            issued_at: unix_now(),
        };
        self.context()?.keyring.seal(&claims, &bind).map_err(failed)
    }

    /// Settles `request` with the HTML of the shared component of this module and key, as a JSON string. The
    /// component is started if it does not live; it then counts for `address`.
    #[napi(catch_unwind)]
    pub fn show_shared(
        &self,
        module: String,
        key: String,
        address: String,
        request: u32,
    ) -> Result<()> {
        let Open { context, sessions } = self.open()?.clone();
        let starter = counted(&address, context.limits.address_prefix);
        let queue = self.queue.clone();
        runtime()?.spawn(async move {
            let shared = sessions.shared.clone();
            let html = shared.html(&context, &module, &key.into(), &starter).await;
            // Dropped first: when the promise is settled, the loom may be released.
            drop((context, sessions, shared));
            let html = html.map(|html| serde_json::Value::from(&*html).to_string());
            queue.push(Job::Settle {
                request,
                result: match &html {
                    Ok(json) => Ok(Some(json)),
                    Err(text) => Err(text),
                },
            });
        });
        Ok(())
    }

    /// Counts an upgrade until `settle` is called with the same number. False if there are too many, in all
    /// or from its address.
    #[napi(catch_unwind)]
    pub fn pend(&self, number: u32, address: String) -> Result<bool> {
        let pending = self.open()?.sessions.pend(&address.into());
        let is_counted = pending.is_some();
        lock(&self.handles.pending).extend(pending.map(|pending| (number, pending)));
        Ok(is_counted)
    }

    /// The application has let an upgrade pass, or the upgrade is over.
    #[napi(catch_unwind)]
    pub fn settle(&self, number: u32) {
        // Dropped after the lock was released.
        let pending = lock(&self.handles.pending).remove(&number);
        drop(pending);
    }

    /// Takes over a socket by its descriptor. The caller then destroys its own socket. False if there is no
    /// descriptor left; the socket can then be relayed.
    #[napi(catch_unwind)]
    pub fn accept_descriptor(
        &self,
        descriptor: i32,
        head: Uint8ArraySlice<'_>,
        upgrade: NativeUpgrade,
    ) -> Result<bool> {
        let descriptor = match Descriptor::duplicate(descriptor) {
            Ok(descriptor) => descriptor,
            Err(error) if Descriptors::is_exhausted(&error) => {
                let found = self.descriptors.found(true, std::time::Instant::now());
                if let Some((level, text)) = found {
                    self.queue.push(Job::Log { level, text });
                }
                return Ok(false);
            }
            Err(error) => return Err(failed(error)),
        };
        self.serve(move || descriptor.into_transport(), &head, upgrade)?;
        Ok(true)
    }

    /// Takes over a socket whose bytes `lib/` carries.
    #[napi(catch_unwind)]
    pub fn accept_relay(
        &self,
        number: u32,
        head: Uint8ArraySlice<'_>,
        upgrade: NativeUpgrade,
    ) -> Result<()> {
        let queue = self.queue.clone();
        let (relay, stream) = relay(Box::new(move |signal| {
            queue.push(Job::Relay {
                relay: number,
                resume: signal == RelaySignal::Resume,
            });
        }));
        lock(&self.handles.relays).insert(number, relay);
        self.serve(move || Ok(Box::new(stream) as BoxTransport), &head, upgrade)
    }

    /// Serves a connection on the runtime's threads. They do as much as possible, even taking memory for
    /// the connection: if all pages come at once, all of them wait for the JavaScript thread.
    fn serve(
        &self,
        open: impl FnOnce() -> std::io::Result<BoxTransport> + Send + 'static,
        head: &[u8],
        upgrade: NativeUpgrade,
    ) -> Result<()> {
        let Open { context, sessions } = self.open()?.clone();
        let head = head.to_vec();
        let request: Arc<str> = upgrade.request.as_str().into();
        let arrival = sessions.arrive(&upgrade.bind.as_str().into(), Some(&request));
        let tasks = context.tasks.clone();
        let task = async move {
            let transport = match open() {
                Ok(transport) => transport,
                Err(error) => {
                    let text = format!("a connection could not be taken over: {error}");
                    return context.log(Level::Error, text);
                }
            };
            let (request, peer) = upgrade.split();
            Box::pin(serve_arrival(
                context, arrival, transport, head, request, peer,
            ))
            .await;
        };
        tasks.spawn_on(task, runtime()?.handle());
        Ok(())
    }

    fn version(&self, module: &str) -> Result<u32> {
        let found = self.context()?.registry.get(module);
        Ok(found.map_or(0, |(_, details)| details.version))
    }

    fn relay(&self, number: u32) -> Option<Relay> {
        lock(&self.handles.relays).get(&number).cloned()
    }

    /// Takes bytes that a relayed socket has read. False asks to stop reading.
    #[napi(catch_unwind)]
    pub fn relay_push(&self, number: u32, bytes: Uint8ArraySlice<'_>) -> bool {
        self.relay(number).is_none_or(|relay| relay.push(&bytes))
    }

    /// A relayed socket's other end has sent its last byte.
    #[napi(catch_unwind)]
    pub fn relay_end(&self, number: u32) {
        if let Some(relay) = self.relay(number) {
            relay.end();
        }
    }

    /// The bytes that a relayed socket is to write.
    #[napi(catch_unwind)]
    pub fn relay_pull<'env>(
        &self,
        env: &'env Env,
        number: u32,
    ) -> Result<Option<NativeOutput<'env>>> {
        let Some(relay) = self.relay(number) else {
            return Ok(None);
        };
        let output = relay.pull();
        Ok(Some(NativeOutput {
            bytes: BufferSlice::copy_from(env, &output.bytes)?,
            ended: output.ended,
            gone: output.gone,
        }))
    }

    /// A relayed socket has written so many bytes.
    #[napi(catch_unwind)]
    pub fn relay_written(&self, number: u32, count: u32) {
        if let Some(relay) = self.relay(number) {
            relay.written(count as usize);
        }
    }

    /// A relayed socket is gone.
    #[napi(catch_unwind)]
    pub fn relay_destroy(&self, number: u32) {
        let relay = lock(&self.handles.relays).remove(&number);
        if let Some(relay) = relay {
            relay.destroy();
        }
    }

    /// Starts a live socket. Settles the promise `number` when the live socket has rendered; its messages
    /// go to the callback of the same number.
    #[napi(catch_unwind)]
    pub fn start(&self, number: u32, id: String, module: String, props_json: String) -> Result<()> {
        let _runtime = runtime()?.enter();
        let context = self.context()?;
        let found = context.registry.get(&module);
        let (registered, details) =
            found.ok_or_else(|| failed(format!("no module {module:?} is registered")))?;
        if context.closing.is_cancelled() {
            return Err(failed("the application is closing"));
        }
        let id: Arc<str> = id.into();
        let start = Start {
            id: id.clone(),
            module: registered,
            module_name: module.into(),
            caller: None,
            holder: "".into(),
            props: Arc::new(Props::from_json(&props_json)),
            instance: random_text().into(),
            origin: None,
            place: None,
            point: Point::default(),
            life: Life::default(),
            expected: Default::default(),
            ongoing: Ongoing::default(),
            details,
        };
        let queue = self.queue.clone();
        let members = self.handles.members.clone();
        let socket = LiveSocket::start(context, start, |_| ToJavaScript {
            queue,
            id,
            number,
            members,
            topics: None,
        });
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
                ..SpecialVars::default()
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
        // Dropped after the lock was released.
        let socket = lock(&self.handles.sockets).remove(&number);
        drop(socket);
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
        }
    }

    /// The open connections, those that arrive, and the parked sessions.
    #[napi(catch_unwind)]
    pub fn connections(&self) -> Vec<NativeConnection> {
        let Some(Open { sessions, .. }) = &self.open else {
            return Vec::new();
        };
        // Arrivals come first: if one opens meanwhile, it is there twice under one number instead of not at
        // all.
        let arriving = sessions.arriving();
        let all = arriving.into_iter().chain(sessions.connections());
        let mut numbers = std::collections::HashSet::new();
        let all = all.chain(sessions.parked());
        let all = all.filter(|connection| numbers.insert(connection.number));
        all.map(Into::into).collect()
    }

    /// Closes connections and ends parked sessions, by their numbers. Gives how many there were.
    #[napi(catch_unwind)]
    pub fn disconnect(&self, numbers: Vec<f64>) -> u32 {
        // Numbers count from 1 and stay below 2^53.
        let numbers: Vec<u64> = numbers.into_iter().map(|number| number as u64).collect();
        let meant: HashSet<u64> = numbers.iter().copied().collect();
        let Some(open) = &self.open else { return 0 };
        open.revoke(|one| meant.contains(&one.number));
        u32::try_from(open.sessions.disconnect(&numbers)).unwrap_or(u32::MAX)
    }

    /// Closes the connections and ends the parked sessions of a user, of an address, or of both. Gives how
    /// many there were.
    #[napi(catch_unwind)]
    pub fn disconnect_matching(&self, bind: Option<String>, address: Option<String>) -> u32 {
        let (bind, address) = (bind.as_deref(), address.as_deref());
        let Some(open) = &self.open else { return 0 };
        if bind.or(address).is_some() {
            open.revoke(|OpenConnection { peer, .. }| {
                bind.is_none_or(|bind| *bind == *peer.bind)
                    && address.is_none_or(|address| *address == *peer.address)
            });
        }
        let count = open.sessions.disconnect_matching(bind, address);
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Ends the components that are in a topic, of a user, of an address, of both or of all, and the viewers of shared
    /// ones. Gives how many there were.
    #[napi(catch_unwind)]
    pub fn disconnect_topic(
        &self,
        topic: String,
        bind: Option<String>,
        address: Option<String>,
    ) -> u32 {
        let Some(open) = &self.open else { return 0 };
        let leave = leave(topic, true, bind, address);
        let mut ended = open.sessions.disconnect_topic(&leave);
        self.handles.of_topic(&leave, |socket| {
            if !socket.is_stopped() {
                socket.stop();
                ended.actors.insert(socket.key());
            }
        });
        open.context.dispatcher.give_up(&ended.actors);
        open.context.dispatcher.give_up_events(&ended.viewers);
        let count = ended.actors.len() + ended.viewers.len();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Takes the components of a user, of an address, of both or of all out of a topic. Gives how many were in it.
    #[napi(catch_unwind)]
    pub fn unsubscribe(&self, topic: String, bind: Option<String>, address: Option<String>) -> u32 {
        let Some(open) = &self.open else { return 0 };
        let leave = leave(topic, false, bind, address);
        let count = open.sessions.unsubscribe(&leave);
        let take_out = |socket: &LiveSocket| socket.leave(&leave.topic, false);
        let own = self.handles.of_topic(&leave, take_out);
        u32::try_from(count + own).unwrap_or(u32::MAX)
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

fn leave(topic: String, ends: bool, bind: Option<String>, address: Option<String>) -> Leave {
    let whose = Whose {
        bind: bind.map(Into::into),
        address: address.map(Into::into),
    };
    Leave {
        topic: topic.into(),
        ends,
        whose,
    }
}

fn stopped() -> Error {
    failed("the live socket has stopped")
}
