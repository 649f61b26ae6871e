//! The bridge's promises, with a Rust closure in JavaScript's place.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::dispatch::{Call, CallError, Caller, Dispatcher, Sharing};
use crate::ids::EventNumber;
use crate::message::{Data, Message, Part, Source};
use crate::props::Props;
use crate::protocol::ClientEvent;
use crate::registry::Module;
use crate::testing::event;
use crate::topics::{self, Epoch, Position};
use crate::tree::{Templates, op};

static TEMPLATES: LazyLock<Templates> = LazyLock::new(Templates::new);

/// Stands in for the JavaScript thread: takes jobs when asked to, and gives the answers that the test says.
struct Script {
    queue: Arc<Queue>,
    dispatcher: JsDispatcher,
    wakes: Arc<AtomicUsize>,
    /// The byte that tells JavaScript of given-up calls.
    signal: Arc<AtomicBool>,
    /// The actors have been stopped.
    ended: Arc<AtomicBool>,
}

impl Script {
    fn new(capacity: usize) -> Self {
        let wakes = Arc::<AtomicUsize>::default();
        let count = wakes.clone();
        let wake = move || {
            count.fetch_add(1, Ordering::SeqCst);
        };
        let signal = Arc::<AtomicBool>::default();
        let seen = signal.clone();
        let set = move |given_up| seen.store(given_up, Ordering::SeqCst);
        let queue = Arc::new(Queue::new(capacity, Box::new(wake), Box::new(set)));
        let dispatcher = JsDispatcher::new(queue.clone(), &TEMPLATES, 3);
        Self {
            queue,
            dispatcher,
            wakes,
            signal,
            ended: Arc::default(),
        }
    }

    fn jobs(&self) -> Vec<Value> {
        let taken = self.queue.take().unwrap_or_default();
        assert!(taken.calls.is_empty());
        match &*taken.jobs {
            "" => Vec::new(),
            jobs => serde_json::from_str(jobs).unwrap(),
        }
    }

    fn give(&self, ops: &[u32], text: &str) {
        let (ops, text) = (ops.to_vec(), text.to_owned());
        self.dispatcher.give(Batch { ops, text });
    }

    fn call(&self, handler: Option<&str>) -> tokio::task::JoinHandle<String> {
        self.send(handler.map(event))
    }

    fn send(&self, event: Option<ClientEvent>) -> tokio::task::JoinHandle<String> {
        self.send_for(Arc::new(caller()), event)
    }

    fn send_for(
        &self,
        caller: Arc<Caller>,
        event: Option<ClientEvent>,
    ) -> tokio::task::JoinHandle<String> {
        let dispatcher = self.dispatcher.clone();
        let ended = self.ended.clone();
        let call = Call {
            actor: 7,
            id: "c0".into(),
            instance: "abc".into(),
            origin: None,
            number: EventNumber(5),
            module: Module { id: 3, raw: false },
            caller: Some(caller),
            moved: false,
            props: Arc::new(Props::from_json(r#"{"n":1}"#)),
            frozen: false,
            messages: Vec::new(),
            topics: None,
            dropped: None,
            version: 4,
            sequence: 5,
            event,
            yields: None,
        };
        tokio::spawn(async move {
            match dispatcher.call(&call, &ended).await {
                Ok(outcome) => {
                    let props = outcome
                        .props
                        .map(|props| props.to_json())
                        .unwrap_or_default();
                    let tree = outcome.render.unwrap().into_tree().unwrap();
                    format!("{} {props}", tree.to_html())
                }
                Err(error) => error.to_string(),
            }
        })
    }

    async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn caller() -> Caller {
    Caller {
        request: r#"{"url":"/loom/ws"}"#.into(),
        bind: "ada".into(),
        page: "/orders".into(),
        sharing: None,
        parent: None,
    }
}

fn form(handler: &str, form: &str) -> ClientEvent {
    let mut event = event(handler);
    event.event = "submit".into();
    event.special_vars.value = Some(form.into());
    event
}

/// The header and operations of a call that rendered `text` in template 0.
fn done(call: &Value, props: usize, text: usize) -> [u32; 10] {
    let (props, text) = (props as u32, text as u32);
    let whole = props << crate::props::op::SHIFT | crate::props::op::TEXT;
    let leaf = text << op::SHIFT | op::TEXT;
    [number(call), 0, 1, props, 0, 2, text, whole, op::TREE, leaf]
}

fn number(job: &Value) -> u32 {
    job[1].as_u64().unwrap() as u32
}

#[tokio::test(start_paused = true)]
async fn jobs_wait_for_one_wake_and_are_taken_together() {
    let script = Script::new(10);
    let calls = [script.call(Some("a")), script.call(Some("b"))];
    script.settle().await;
    assert_eq!(script.wakes.load(Ordering::SeqCst), 1);
    let jobs = script.jobs();
    let expected = serde_json::json!([
        [0, 1, 7, 5, 4, 5, 3, "c0", "abc", {"handler": "a", "type": "click"}],
        [0, 2, 7, 5, 4, 5, 3, "c0", "abc", {"handler": "b", "type": "click"}],
    ]);
    assert_eq!(Value::from(jobs.clone()), expected);
    // Results are matched by number, not by position.
    let mut ops = done(&jobs[1], 7, 3).to_vec();
    ops.extend(done(&jobs[0], 7, 1));
    script.give(&ops, r#"{"n":2}é<{"n":3}x"#);
    let [a, b] = calls;
    assert_eq!(a.await.unwrap(), r#"x {"n":3}"#);
    assert_eq!(b.await.unwrap(), r#"é&lt; {"n":2}"#);
    assert!(script.queue.take().is_none());
    drop(script.call(Some("c")));
    script.settle().await;
    assert_eq!(script.wakes.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn calls_of_known_names_are_numbers_and_keep_their_place() {
    let script = Script::new(3000);
    let handlers = vec!["a".into(), "b".into()];
    script
        .dispatcher
        .name(0, 3, names_of(&["click"], Some(handlers)));
    let first = script.call(Some("a"));
    script.settle().await;
    let other = script.send(Some(form("b", "x=1")));
    script.settle().await;
    let last = script.call(Some("a"));
    script.settle().await;
    let taken = script.queue.take().unwrap();
    let calls = [1.0, 3.0].map(|number| [number, 7.0, 5.0, 4.0, 5.0, 1.0, 0.0]);
    assert_eq!(taken.calls, calls);
    let jobs: Value = serde_json::from_str(&taken.jobs).unwrap();
    assert_eq!(jobs[0], serde_json::json!([7, 1]));
    assert_eq!(jobs[1][1], 2);
    assert_eq!(jobs.as_array().unwrap().len(), 2);
    drop((first, other, last));

    let many: Vec<_> = (0..1030).map(|_| script.call(Some("a"))).collect();
    script.settle().await;
    let taken = script.queue.take().unwrap();
    assert_eq!(taken.calls.len(), 1024);
    let jobs: Value = serde_json::from_str(&taken.jobs).unwrap();
    assert_eq!(jobs[0], serde_json::json!([7, 1024]));
    assert_eq!(jobs.as_array().unwrap().len(), 7);
    drop(many);
}

#[tokio::test(start_paused = true)]
async fn props_are_handed_over_at_first_and_when_they_are_missed() {
    let script = Script::new(10);
    let first = script.call(None);
    script.settle().await;
    assert_eq!(script.jobs()[0][10], serde_json::json!({"n": 1}));
    first.abort();

    let call = script.call(Some("a"));
    script.settle().await;
    let jobs = script.jobs();
    let asked = jobs.iter().find(|job| job[0] == 0).unwrap();
    assert!(asked.get(10).is_none());
    script.give(&[number(asked), 3], "");
    script.settle().await;
    let jobs = script.jobs();
    assert_eq!(jobs[0][10], serde_json::json!({"n": 1}));
    assert_eq!(jobs[0][9]["handler"], "a");
    script.give(&[number(&jobs[0]), 3], "");
    assert!(call.await.unwrap().contains("handed over but not taken"));
}

#[tokio::test(start_paused = true)]
async fn failures_come_back_as_what_they_are() {
    let script = Script::new(10);
    let calls = [script.call(Some("a")), script.call(Some("b"))];
    script.settle().await;
    let jobs = script.jobs();
    script.give(
        &[number(&jobs[0]), 1, 2, 7, number(&jobs[1]), 2],
        "no\n  at x",
    );
    let [a, b] = calls;
    assert_eq!(a.await.unwrap(), "no");
    assert_eq!(b.await.unwrap(), r#"the module has no handler "b""#);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_is_aborted_and_its_late_result_dropped() {
    let script = Script::new(10);
    let call = script.call(Some("a"));
    script.settle().await;
    let job = script.jobs().remove(0);
    let known = script.dispatcher.caller(number(&job)).unwrap();
    assert_eq!(known.as_deref(), Some(&caller()));
    call.abort();
    script.settle().await;
    assert_eq!(
        Value::from(script.jobs()),
        serde_json::json!([[1, number(&job)]])
    );
    assert_eq!(script.dispatcher.in_flight(), 0);
    assert_eq!(script.dispatcher.caller(number(&job)), None);
    script.give(&done(&job, 0, 0), "");
    script.settle().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_makes_calls_wait() {
    let script = Script::new(2);
    let calls = [(); 3].map(|()| script.call(Some("a")));
    script.settle().await;
    assert_eq!(script.queue.waiting(), 2);
    let ready = tokio::time::timeout(Duration::from_secs(1), script.dispatcher.ready());
    assert!(ready.await.is_err());
    assert_eq!(script.jobs().len(), 2);
    script.dispatcher.ready().await;
    script.settle().await;
    assert_eq!(script.jobs().len(), 1);
    drop(calls);
}

#[tokio::test(start_paused = true)]
async fn closing_fails_the_calls_in_flight_and_those_that_wait() {
    let script = Script::new(1);
    let calls = [(); 2].map(|()| script.call(Some("a")));
    script.settle().await;
    script.dispatcher.close();
    for call in calls {
        assert_eq!(call.await.unwrap(), CallError::Closed.to_string());
    }
    let late = script.call(Some("a")).await.unwrap();
    assert_eq!(late, CallError::Closed.to_string());
}

#[tokio::test(start_paused = true)]
async fn malformed_batches_lose_no_other_call() {
    let script = Script::new(100);
    for ops in [
        &[1][..],
        &[1, 0],
        &[1, 9],
        &[1, 0, 0, 0, 50, 0],
        &[1, 1, 99],
        &[1, 1, 0, 99],
        &[1, 0, 5, 0, 0, 0],
    ] {
        script.give(ops, "");
    }
    let call = script.call(Some("a"));
    script.settle().await;
    let jobs = script.jobs();
    script.give(&done(&jobs[0], 0, 1), "x");
    assert_eq!(call.await.unwrap(), "x ");
}

#[tokio::test(start_paused = true)]
async fn a_refused_value_is_logged_once() {
    let (id, _) = TEMPLATES.add(&["<a href=\"", "\">"]).unwrap();
    let script = Script::new(10);
    let logged = Mutex::new(0);
    for _ in 0..2 {
        let call = script.call(Some("a"));
        script.settle().await;
        let url = "javascript:alert(1)";
        let jobs = script.jobs();
        let mut ops = done(&jobs[0], 0, url.len());
        ops[8] = id << op::SHIFT | op::TREE;
        script.give(&ops, url);
        assert_eq!(call.await.unwrap(), "<a href=\"about:invalid\"> ");
        let logs = script.jobs();
        *logged.lock().unwrap() += logs.iter().filter(|job| job[0] == 5).count();
    }
    assert_eq!(*logged.lock().unwrap(), 1);
}

/// The page has been told that its event is not handled, so no call may start: none that waits as numbers,
/// and none that waits as JSON.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_while_it_waits_never_reaches_javascript() {
    for names in [None, Some(vec!["a".into(), "b".into(), "c".into()])] {
        let script = Script::new(10);
        let is_numbers = names.is_some();
        script.dispatcher.name(0, 3, names_of(&["click"], names));
        let calls = ["a", "b", "c"].map(|handler| script.call(Some(handler)));
        script.settle().await;
        calls[1].abort();
        script.settle().await;
        let taken = script.queue.take().unwrap();
        if is_numbers {
            let numbers: Vec<f64> = taken.calls.iter().map(|[number, ..]| *number).collect();
            assert_eq!((numbers, &*taken.jobs), (vec![1.0, 3.0], ""));
        } else {
            let jobs: Vec<Value> = serde_json::from_str(&taken.jobs).unwrap();
            let numbers: Vec<u32> = jobs.iter().map(number).collect();
            assert_eq!((numbers, taken.calls), (vec![1, 3], vec![]));
        }
        assert!(script.queue.take().is_none());
    }
}

/// JavaScript may be busy with the first of many calls that it has taken.
#[tokio::test(start_paused = true)]
async fn what_is_given_up_after_it_was_taken_is_told_before_anything_else() {
    let script = Script::new(10);
    let calls = ["a", "b"].map(|handler| script.call(Some(handler)));
    script.settle().await;
    assert_eq!(script.jobs().len(), 2);
    let later = script.call(Some("c"));
    script.settle().await;
    assert!(!script.signal.load(Ordering::SeqCst));
    calls[1].abort();
    later.abort();
    script.settle().await;
    assert!(script.signal.load(Ordering::SeqCst));
    assert_eq!(script.queue.given_up(), [2, 3]);
    assert!(!script.signal.load(Ordering::SeqCst));
    assert!(script.queue.given_up().is_empty());
    calls[0].abort();
    script.settle().await;
    assert_eq!(script.queue.given_up(), [1]);
    let last = script.call(Some("d"));
    script.settle().await;
    let jobs = script.jobs();
    let mut aborted: Vec<&Value> = jobs[..2].iter().collect();
    aborted.sort_by_key(|job| number(job));
    assert_eq!(
        aborted,
        [&serde_json::json!([1, 1]), &serde_json::json!([1, 2])]
    );
    assert_eq!((jobs.len(), number(&jobs[2])), (3, 4));
    drop(last);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_room_and_is_given_up_leaves_nothing() {
    let script = Script::new(1);
    let calls = [(); 3].map(|()| script.call(Some("a")));
    script.settle().await;
    calls[1].abort();
    calls[2].abort();
    script.settle().await;
    assert_eq!(script.queue.given_up(), [0_u32; 0]);
    assert_eq!(script.jobs().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn calls_of_connections_that_are_being_closed_are_given_up_at_once() {
    let script = Script::new(10);
    let call = script.call(Some("a"));
    script.settle().await;
    assert_eq!(script.jobs().len(), 1);
    script.dispatcher.revoke(&[r#"{"url":"/loom/ws"}"#.into()]);
    assert_eq!(script.queue.given_up(), [0_u32; 0], "of another connection");
    let known = script.dispatcher.caller(1).unwrap().unwrap();
    script
        .dispatcher
        .revoke(std::slice::from_ref(&known.request));
    assert_eq!(script.queue.given_up(), [1]);
    drop(call);
}

/// The connection's actors end a moment later. Until then they may make calls for further events, wait for
/// room, or call again with the props that JavaScript asked for.
#[tokio::test(start_paused = true)]
async fn nothing_is_begun_for_a_connection_that_is_being_closed() {
    let script = Script::new(1);
    let request = Arc::new(caller());
    let of = |request: &Arc<Caller>| script.send_for(request.clone(), Some(event("a")));
    let waits_for_javascript = of(&request);
    script.settle().await;
    let waits_for_room = of(&request);
    let innocent = script.call(Some("a"));
    script.settle().await;
    script
        .dispatcher
        .revoke(std::slice::from_ref(&request.request));
    let begins = of(&request);
    script.settle().await;
    // Beside the given-up calls, there are only calls for other connections.
    let mut begun = Vec::new();
    loop {
        let jobs = script.jobs();
        script.settle().await;
        if jobs.is_empty() {
            break;
        }
        begun.extend(jobs.into_iter().filter(|job| job[0] == kind::CALL));
    }
    assert_eq!(begun.len(), 1, "{begun:?}");
    assert!(!waits_for_room.is_finished() && !begins.is_finished());
    for call in [waits_for_javascript, waits_for_room, begins, innocent] {
        call.abort();
        let _ = call.await;
    }
    drop(request);
    script.dispatcher.forget(7);
    script.dispatcher.forget(7);
    assert_eq!(script.dispatcher.revoked(), 0, "requests that nobody has");
}

/// The actor of a shared component does not end with the connections that are closed.
#[tokio::test(start_paused = true)]
async fn connections_that_are_closed_leave_nothing_although_no_actor_ends() {
    let script = Script::new(10);
    let kept: Arc<str> = "kept".into();
    script.dispatcher.revoke(std::slice::from_ref(&kept));
    for number in 0..1000 {
        script.dispatcher.revoke(&[number.to_string().into()]);
        let left = script.dispatcher.revoked();
        assert!((1..=4).contains(&left), "{left}");
    }
}

/// JavaScript ends components while it works off the jobs that it has fetched: no further call of these
/// components is begun.
#[tokio::test(start_paused = true)]
async fn nothing_is_begun_for_an_actor_that_was_stopped() {
    let script = Script::new(10);
    let fetched = script.call(Some("a"));
    script.settle().await;
    let number = script.jobs()[0][1].as_u64().unwrap();
    let waits = script.call(Some("a"));
    script.settle().await;
    script.dispatcher.give_up(&HashSet::from([8]));
    assert!(!script.signal.load(Ordering::SeqCst), "another actor");
    script.dispatcher.give_up(&HashSet::from([7]));
    // At once: JavaScript reads the byte before it begins the next call.
    assert!(script.signal.load(Ordering::SeqCst));
    let given_up: Vec<u64> = script.queue.given_up().into_iter().map(u64::from).collect();
    assert!(given_up.contains(&number), "{given_up:?}");
    assert!(script.jobs().iter().all(|job| job[0] != kind::CALL));
    for call in [fetched, waits] {
        call.abort();
        let _ = call.await;
    }
}

/// An actor is stopped while it makes a call: before the call is known, or while it waits for room.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_being_made_when_its_actor_is_stopped_is_not_begun() {
    let script = Script::new(1);
    let first = script.call(Some("a"));
    let waits_for_room = script.call(Some("b"));
    script.settle().await;
    // First the flag, then the actors are given up: as a session ends.
    script.ended.store(true, Ordering::SeqCst);
    script.dispatcher.give_up(&HashSet::from([7]));
    let begins = script.call(Some("c"));
    script.settle().await;
    for _ in 0..3 {
        assert!(script.jobs().iter().all(|job| job[0] != kind::CALL));
        script.settle().await;
    }
    for call in [first, waits_for_room, begins] {
        call.abort();
        let _ = call.await;
    }
    assert_eq!(script.dispatcher.in_flight(), 0);
}

/// The viewer of a shared component ends, and the component and the page's connection go on: the viewer's call
/// fails, so that its actor does not wait for it, and the next viewer on the connection is served.
#[tokio::test(start_paused = true)]
async fn calls_of_a_viewer_that_has_ended_fail_whenever_they_are_made() {
    let script = Script::new(1);
    let viewer = || {
        let sharing = Sharing {
            key: "board".into(),
            viewer: "v".into(),
        };
        Arc::new(Caller {
            sharing: Some(Box::new(sharing)),
            parent: None,
            ..caller()
        })
    };
    let ended = viewer();
    let of = |caller: &Arc<Caller>| script.send_for(caller.clone(), Some(event("a")));
    let waits_for_javascript = of(&ended);
    script.settle().await;
    let waits_for_room = of(&ended);
    script.settle().await;
    script
        .dispatcher
        .give_up_events(std::slice::from_ref(&ended));
    let begins = of(&ended);
    for call in [waits_for_javascript, waits_for_room, begins] {
        assert_eq!(call.await.unwrap(), CallError::Closed.to_string());
    }
    assert!(script.jobs().iter().all(|job| job[0] != kind::CALL));
    let next = of(&viewer());
    script.settle().await;
    assert_eq!(script.jobs().len(), 1);
    next.abort();
    let _ = next.await;
    drop(ended);
    script.dispatcher.forget(7);
    script.dispatcher.forget(7);
    assert_eq!(script.dispatcher.revoked(), 0, "callers that nobody has");
}

/// JavaScript is not asked, and the event's form is not parsed.
#[tokio::test(start_paused = true)]
async fn a_handler_that_its_module_does_not_have_costs_javascript_nothing() {
    let script = Script::new(10);
    script
        .dispatcher
        .name(0, 3, names_of(&[], Some(vec!["a".into()])));
    let large = form("z", &"x&".repeat(10));
    let unknown = script.send(Some(large)).await.unwrap();
    assert_eq!(unknown, r#"the module has no handler "z""#);
    assert_eq!(script.wakes.load(Ordering::SeqCst), 0);
    assert_eq!(script.dispatcher.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_form_with_too_many_fields_is_an_error_that_says_so() {
    let script = Script::new(10);
    let fits = script.send(Some(form("a", "x&y&z&x&y")));
    script.settle().await;
    assert_eq!(
        script.jobs()[0][9]["form"]["x"],
        serde_json::json!(["", ""])
    );
    fits.abort();
    let error = script.send(Some(form("a", "x&y&z&w"))).await.unwrap();
    assert_eq!(error, CallError::FormFields(3).to_string());
    assert!(error.contains("limits.formFields"));
    assert_eq!(script.dispatcher.in_flight(), 0);
}

fn names_of(types: &[&str], handlers: Option<Vec<String>>) -> ModuleNames {
    ModuleNames {
        types: types.iter().map(|name| (*name).to_owned()).collect(),
        handlers,
        strict: true,
        receivers: vec!["told".into()],
    }
}

fn names_of_module_3() -> super::names::Names {
    let names = super::names::Names::default();
    names.add(5, 3, names_of(&["click"], Some(vec!["a".into()])));
    names
}

fn call_of_module_3(event: Option<ClientEvent>) -> Call {
    Call {
        actor: 1,
        id: "c0".into(),
        instance: "abc".into(),
        origin: None,
        number: EventNumber(1),
        module: Module { id: 3, raw: false },
        caller: None,
        moved: false,
        props: Arc::new(Props::from_json("{}")),
        frozen: false,
        messages: Vec::new(),
        topics: None,
        dropped: None,
        version: 0,
        sequence: 1,
        event,
        yields: None,
    }
}

/// The first time, a message carries its data, so the call is JSON. After that the message's key, a number,
/// is enough.
#[tokio::test(start_paused = true)]
async fn a_message_that_has_crossed_is_called_by_its_key() {
    let names = names_of_module_3();
    let position = Position {
        epoch: Epoch::random().unwrap(),
        number: 7,
    };
    let shared = Arc::new(topics::Message::new(None, "1".into(), position));
    let message = |receiver: &str, data: Data| Message {
        receiver: receiver.into(),
        id: shared.id.clone(),
        source: Source::Topic {
            topic: "t".into(),
            position,
            is_of_server: false,
        },
        part: Part::Value,
        data,
        gap: false,
    };
    let told = message("told", Data::Shared(shared.clone()));
    let mut call = Call {
        messages: vec![told.clone()],
        ..call_of_module_3(None)
    };
    let numbers = |call: &Call, with_props| names.numbers(call, with_props).ok().flatten();
    assert_eq!(numbers(&call, false), None, "nobody has its data");
    shared.has_crossed.store(true, Ordering::Relaxed);
    let [_, actor, sequence, version, key, receiver, kind] = numbers(&call, false).unwrap();
    assert_eq!([actor, sequence, version], [1.0, 1.0, 0.0]);
    assert_eq!((key, receiver), (shared.key as f64, 7.0));
    assert_eq!(kind, f64::from(MESSAGE));
    assert_eq!(
        numbers(&call, true),
        None,
        "the props have to be handed over"
    );
    for messages in [
        vec![told.clone(), told.clone()],
        vec![message("unknown", Data::Shared(shared.clone()))],
        vec![message("told", Data::Json("1".into()))],
        vec![message("told", Data::None)],
        // The message has an id of its own for each component.
        vec![Message {
            source: Source::Presence {
                topic: "t".into(),
                is_whole: true,
            },
            ..told.clone()
        }],
    ] {
        call.messages = messages;
        assert_eq!(numbers(&call, false), None);
    }
    call.messages = vec![told];
    call.moved = true;
    assert_eq!(numbers(&call, false), None);
}

/// A page that is back has another id for its component, which JavaScript's copy does not know.
#[tokio::test(start_paused = true)]
async fn a_component_with_another_id_is_called_by_all_its_names() {
    let names = names_of_module_3();
    let mut call = call_of_module_3(Some(event("a")));
    assert!(
        names
            .numbers(&call, false)
            .is_ok_and(|numbers| numbers.is_some())
    );
    call.moved = true;
    assert!(
        names
            .numbers(&call, false)
            .is_ok_and(|numbers| numbers.is_none())
    );
}

/// An actor that gets a value may have a fault.
struct Faulty;

impl crate::dispatch::Tasks for Faulty {
    fn value(&self, _: crate::effects::TaskId, _: Part, _: Option<Arc<str>>) {
        panic!("a planted fault");
    }
}

#[tokio::test]
async fn a_fault_of_one_who_gets_a_result_keeps_none_from_the_others() {
    let script = Script::new(10);
    let faulty: Arc<dyn crate::dispatch::Tasks> = Arc::new(Faulty);
    let task = crate::effects::TaskId(7);
    script.dispatcher.next_value(task, &faulty);
    let call = script.call(Some("a"));
    while script.dispatcher.in_flight() == 0 {
        tokio::task::yield_now().await;
    }
    script.jobs();
    script.give(&[7, status::TASK_VALUE, 0, 1, status::FAILED, 2, 0], "no");
    let answer = tokio::time::timeout(Duration::from_secs(10), call).await;
    assert!(
        answer
            .expect("the router has ended")
            .unwrap()
            .contains("no")
    );
    let logged = script.jobs();
    assert!(
        format!("{logged:?}").contains("a planted fault"),
        "{logged:?}"
    );
}

/// The deadline of its call has passed while JavaScript was busy with it.
#[tokio::test]
async fn tasks_of_a_result_that_comes_too_late_never_begin() {
    let script = Script::new(10);
    let call = script.call(Some("a"));
    while script.dispatcher.in_flight() == 0 {
        tokio::task::yield_now().await;
    }
    script.jobs();
    call.abort();
    assert!(call.await.is_err());
    assert_eq!(script.jobs(), [serde_json::json!([1, 1])]);
    let beside = r#"{"effects":[{"task":["got",9]}]}"#;
    let bytes = u32::try_from(beside.len()).unwrap();
    let done = status::DONE | status::BESIDE;
    script.give(&[1, done, 0, 0, 0, 0, 0, bytes], beside);
    script.settle().await;
    assert_eq!(script.jobs(), [serde_json::json!([9, 9])]);
}
