//! The actor's promises, with a Rust closure as the dispatcher and paused time.

use std::sync::atomic::Ordering;
use std::time::Duration;

use proptest::prelude::*;
use tokio::sync::{mpsc, watch};

use super::mailbox::Unhandled;
use super::*;
use crate::budget::Budget;
use crate::dispatch::CallError;
use crate::ids::{EventNumber, Life, Point};
use crate::limits::Limits;
use crate::protocol::{Beside, ServerMessage};
use crate::testing::{Closures, Log, application, event};

struct Sent {
    messages: mpsc::UnboundedSender<String>,
    room: watch::Receiver<bool>,
}

impl ReplyTo for Sent {
    fn started(&mut self, result: Result<(), &CallError>) {
        let text = result.map_or_else(
            |error| format!("not started: {error}"),
            |()| "started".into(),
        );
        let _ = self.messages.send(text);
    }

    fn show(&mut self, _point: Point, tree: &crate::tree::LiveTree, _: Continuity) {
        self.send(&ServerMessage::Trees(tree), None);
    }

    fn changed(&mut self, _point: Point, message: Option<ServerMessage<'_>>, _: Beside<'_>) {
        if let Some(message) = message {
            self.send(&message, None);
        }
    }

    fn answer(&mut self, _point: Point, message: ServerMessage<'_>, beside: Beside<'_>) {
        self.send(&message, beside.redirect);
    }
}

impl Pace for Sent {
    async fn ready(&mut self) {
        let _ = self.room.wait_for(|room| *room).await;
    }
}

impl Keeper for Sent {}

impl Viewers for Sent {}

impl Sent {
    fn send(&self, message: &ServerMessage<'_>, redirect: Option<&str>) {
        for message in message.texts("c0", redirect) {
            let _ = self.messages.send(message);
        }
    }
}

struct Fixture {
    context: Shared<Closures>,
    log: Log,
    socket: LiveSocket,
    messages: mpsc::UnboundedReceiver<String>,
    room: watch::Sender<bool>,
}

impl Fixture {
    fn new(dispatcher: Closures, props: &str, limits: Limits) -> Self {
        let (context, log) = application(dispatcher, limits);
        let (sender, messages) = mpsc::unbounded_channel();
        let room = watch::Sender::new(true);
        let start = Start {
            id: "c0".into(),
            instance: "abc".into(),
            module: context.registry.get("counter").unwrap().0,
            module_name: "counter".into(),
            caller: None,
            holder: "".into(),
            props: Arc::new(crate::props::Props::from_json(props)),
            origin: None,
            place: None,
            point: Point::default(),
            life: Life::default(),
            expected: Default::default(),
            ongoing: Default::default(),
            given: None,
            details: Default::default(),
        };
        let socket = LiveSocket::start(&context, start, |_| Sent {
            messages: sender,
            room: room.subscribe(),
        });
        Self {
            context,
            log,
            socket,
            messages,
            room,
        }
    }

    fn counter() -> Self {
        Self::new(Closures::counter(), "0", Limits::default())
    }

    fn send(&self, handler: &str) {
        self.socket.event(event(handler)).unwrap();
    }

    async fn next(&mut self) -> String {
        self.messages.recv().await.unwrap_or_else(|| "ended".into())
    }

    async fn started(mut self) -> Self {
        assert_eq!(self.next().await, "started");
        let trees = r#"{"type":"trees","id":"c0","s":["<b>","</b>"],"d":["0"]}"#;
        assert_eq!(self.next().await, trees);
        self
    }

    async fn props(&self) -> String {
        let state = self.socket.state().unwrap().await.unwrap();
        state.props_json
    }
}

fn patch(count: i64) -> String {
    format!(r#"{{"type":"patch","id":"c0","d":{{"0":"{count}"}}}}"#)
}

fn error(text: &str) -> String {
    format!(r#"{{"type":"error","id":"c0","error":"{text}"}}"#)
}

const EMPTY: &str = r#"{"type":"patch","id":"c0","d":{}}"#;

#[tokio::test(start_paused = true)]
async fn it_renders_first_and_tells_its_state_between_events() {
    let mut actor = Fixture::counter().started().await;
    actor.send("increment");
    let state = actor.socket.state().unwrap().await.unwrap();
    assert_eq!(actor.next().await, patch(1));
    assert_eq!((&*state.id, &*state.module), ("c0", "counter"));
    assert_eq!(state.props_json, "1");
    assert_eq!(state.tree_json, r#"{"s":["<b>","</b>"],"d":["1"]}"#);
}

#[tokio::test(start_paused = true)]
async fn a_failed_first_render_leaves_no_actor_behind() {
    let mut actor = Fixture::new(Closures::counter(), "-1", Limits::default());
    assert_eq!(actor.next().await, "not started: below zero");
    assert_eq!(actor.next().await, "ended");
    assert_eq!(actor.context.stats.components.get(), 0);
    assert!(actor.socket.is_stopped());
    assert_eq!(
        actor.socket.event(event("increment")),
        Err(SendError::Stopped)
    );
    assert_eq!(actor.log.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn events_are_taken_one_at_a_time_in_order_also_across_awaits() {
    let mut actor = Fixture::counter().started().await;
    for handler in ["increment", "slow", "increment", "slow"] {
        actor.send(handler);
    }
    for count in [1, 101, 102, 202] {
        assert_eq!(actor.next().await, patch(count));
    }
}

#[tokio::test(start_paused = true)]
async fn every_event_is_answered_also_when_nothing_changed() {
    let mut actor = Fixture::counter().started().await;
    actor.send("nothing");
    assert_eq!(actor.next().await, EMPTY);
}

#[tokio::test(start_paused = true)]
async fn a_failing_event_commits_nothing_and_its_text_stays_on_the_server() {
    let mut actor = Fixture::counter().started().await;
    actor.send("increment");
    assert_eq!(actor.next().await, patch(1));
    actor.send("no such handler");
    assert_eq!(
        actor.next().await,
        error("The server could not handle this.")
    );
    assert_eq!(actor.props().await, "1");
    let log = actor.log.lock().unwrap().clone();
    assert!(log[0].1.contains("no such handler"), "{log:?}");
    actor.send("increment");
    assert_eq!(actor.next().await, patch(2));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_never_returns_fails_at_its_deadline() {
    let mut actor = Fixture::counter().started().await;
    actor.send("hang");
    actor.send("increment");
    assert_eq!(
        actor.next().await,
        error("The server took too long to answer.")
    );
    assert_eq!(actor.context.dispatcher.abandoned.load(Ordering::SeqCst), 1);
    assert_eq!(actor.next().await, patch(1));
}

/// A result of an older version must never be taken for the current one.
#[tokio::test(start_paused = true)]
async fn a_version_is_the_number_of_the_call_that_committed_it() {
    let versions = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = versions.clone();
    let dispatcher = Closures::new(move |call| {
        seen.lock().unwrap().push((call.version, call.sequence));
        async move {
            match call.event.map(|event| event.handler) {
                Some(handler) if &*handler == "fail" => Err(CallError::Failed("no".into())),
                _ => Ok(crate::testing::shown(0, &["<b>", "</b>"])),
            }
        }
    });
    let mut actor = Fixture::new(dispatcher, "0", Limits::default())
        .started()
        .await;
    for handler in ["ok", "fail", "fail", "ok", "ok"] {
        actor.send(handler);
        actor.next().await;
    }
    let expected = [(0, 0), (0, 1), (1, 2), (1, 3), (1, 4), (4, 5)];
    assert_eq!(*versions.lock().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn other_root_statics_are_sent_as_trees_and_then_answered() {
    let mut actor = Fixture::counter().started().await;
    actor.send("reshape");
    let trees = r#"{"type":"trees","id":"c0","s":["<i>","</i>"],"d":["0"]}"#;
    assert_eq!(actor.next().await, trees);
    assert_eq!(actor.next().await, EMPTY);
}

#[tokio::test(start_paused = true)]
async fn a_redirect_follows_the_answer() {
    let mut actor = Fixture::counter().started().await;
    actor.send("elsewhere");
    assert_eq!(actor.next().await, patch(1));
    assert_eq!(actor.next().await, r#"{"type":"redirect","url":"/next"}"#);
}

#[tokio::test(start_paused = true)]
async fn stopping_drops_what_waits_and_abandons_the_call_in_flight() {
    let mut actor = Fixture::counter().started().await;
    actor.send("hang");
    actor.send("increment");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(actor.context.stats.queued_events.get(), 1);
    actor.socket.stop();
    assert_eq!(actor.next().await, "ended");
    assert_eq!(actor.context.dispatcher.abandoned.load(Ordering::SeqCst), 1);
    assert_eq!(actor.context.stats.queued_events.get(), 0);
    let key = actor.socket.key();
    assert_eq!(*actor.context.dispatcher.forgotten.lock().unwrap(), [key]);
}

#[tokio::test(start_paused = true)]
async fn an_actor_does_not_outlive_its_owner() {
    let actor = Fixture::counter().started().await;
    let Fixture {
        context,
        socket,
        mut messages,
        ..
    } = actor;
    drop(socket);
    assert_eq!(messages.recv().await, None);
    assert_eq!(context.stats.components.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn finishing_answers_what_waits() {
    let mut actor = Fixture::counter().started().await;
    actor.send("slow");
    actor.send("increment");
    actor.socket.finish();
    assert_eq!(
        actor.socket.event(event("increment")),
        Err(SendError::Stopped)
    );
    assert_eq!(actor.next().await, patch(100));
    assert_eq!(actor.next().await, patch(101));
    assert_eq!(actor.next().await, "ended");
}

#[tokio::test(start_paused = true)]
async fn events_beyond_the_limit_fail_in_their_turn() {
    let limits = Limits {
        queued_events: 2,
        ..Limits::default()
    };
    let mut actor = Fixture::new(Closures::counter(), "0", limits)
        .started()
        .await;
    actor.send("slow");
    tokio::time::sleep(Duration::from_secs(1)).await;
    for _ in 0..4 {
        actor.send("increment");
    }
    let refused = error("Too many events are waiting; this one was not applied.");
    for expected in [patch(100), patch(101), patch(102), refused.clone(), refused] {
        assert_eq!(actor.next().await, expected);
    }
    actor.send("increment");
    assert_eq!(actor.next().await, patch(103));
}

#[tokio::test(start_paused = true)]
async fn waiting_events_are_bounded_in_bytes_too() {
    let limits = Limits {
        message_bytes: 100,
        ..Limits::default()
    };
    let mut actor = Fixture::new(Closures::counter(), "0", limits)
        .started()
        .await;
    actor.send("slow");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut large = event("increment");
    large.special_vars.value = Some("x".repeat(80).into());
    for _ in 0..2 {
        actor.socket.event(large.clone()).unwrap();
    }
    assert_eq!(actor.next().await, patch(100));
    assert_eq!(actor.next().await, patch(101));
    assert!(actor.next().await.contains("Too many events"));
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_holds_up_its_own_events_and_loses_none() {
    let mut actor = Fixture::counter().started().await;
    actor.room.send_replace(false);
    actor.send("increment");
    actor.send("increment");
    assert_eq!(actor.next().await, patch(1));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(actor.messages.try_recv().is_err());
    actor.room.send_replace(true);
    assert_eq!(actor.next().await, patch(2));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_dispatcher_ends_one_actor_only() {
    let dispatcher = Closures::new(|call| async move {
        assert!(call.event.is_none(), "a fault");
        Ok(crate::testing::shown(0, &["<b>", "</b>"]))
    });
    let mut actor = Fixture::new(dispatcher, "0", Limits::default())
        .started()
        .await;
    actor.send("increment");
    // Without an answer the page would send the event again and again.
    let failed = error("The server could not handle this.");
    assert_eq!(actor.next().await, failed);
    assert_eq!(actor.next().await, "ended");
    assert!(actor.socket.is_stopped());
    assert_eq!(actor.context.stats.components.get(), 0);
    let log = actor.log.lock().unwrap().clone();
    assert!(log[0].1.contains("a fault"), "{log:?}");
}

/// The next item; `None` if no item waits.
fn popped(mailbox: &Mailbox) -> Option<Item> {
    let context = std::task::Context::from_waker(std::task::Waker::noop());
    match mailbox.poll_next(&context) {
        std::task::Poll::Ready(item) => item,
        std::task::Poll::Pending => None,
    }
}

fn mailbox(items: usize) -> Mailbox {
    let capacity = Capacity { items, bytes: 1000 };
    let budget = Arc::new(Budget::new(usize::MAX));
    Mailbox::new(capacity, EventNumber(0), Default::default(), budget)
}

proptest! {
    /// Whatever events come, and in whatever order they are refused for different reasons: each number is
    /// answered once and in its turn, and no more items wait than there is room for.
    #[test]
    fn a_mailbox_holds_no_more_than_it_has_room_for(
        capacity in 1usize..6,
        steps in prop::collection::vec(0..7u8, 0..300),
    ) {
        let mailbox = mailbox(capacity);
        let mut numbers = 0..;
        let mut sent = 0;
        let answer = |item, numbers: &mut std::ops::RangeFrom<u64>| match item {
            Item::Event { number, .. } => assert_eq!(numbers.next(), Some(number.0 - 1)),
            Item::Unhandled { count, first, last, .. } => {
                assert_eq!(count, last.0 - first.0 + 1);
                for number in first.0..=last.0 {
                    assert_eq!(numbers.next(), Some(number - 1));
                }
            }
            _ => {}
        };
        for step in steps {
            let refused = match step {
                0 => Ok(event("a")),
                1 => Err(Unhandled::Full),
                2 => Err(Unhandled::Flood),
                3 => Err(Unhandled::Expired),
                4 => Err(Unhandled::Long),
                5 => {
                    let _ = mailbox.ask(Item::Weigh);
                    continue;
                }
                _ => {
                    if let Some(item) = popped(&mailbox) {
                        answer(item, &mut numbers);
                    }
                    continue;
                }
            };
            mailbox.event(None, refused).unwrap();
            sent += 1;
            // Behind the events: one group of refused events, one question for the memory, one more group.
            prop_assert!(mailbox.len() <= capacity + 3, "{} items", mailbox.len());
        }
        while let Some(item) = popped(&mailbox) {
            answer(item, &mut numbers);
        }
        prop_assert_eq!(numbers.next(), Some(sent));
    }
}

/// If events of one group have different reasons, the answer names the reason that is true for all.
#[tokio::test]
async fn events_that_are_refused_for_several_reasons_are_answered_together() {
    let mailbox = mailbox(1);
    mailbox.event(None, Ok(event("a"))).unwrap();
    for _ in 0..1000 {
        mailbox.event(None, Err(Unhandled::Expired)).unwrap();
        mailbox.event(None, Err(Unhandled::Flood)).unwrap();
    }
    assert!(matches!(
        popped(&mailbox),
        Some(Item::Event {
            number: EventNumber(1),
            ..
        })
    ));
    let Some(Item::Unhandled {
        count: 2000,
        first: EventNumber(2),
        last: EventNumber(2001),
        why,
    }) = popped(&mailbox)
    else {
        panic!("one group");
    };
    assert_eq!(why, Unhandled::Full);
    assert!(popped(&mailbox).is_none());
}

/// Waiting events take more than their texts: a client that sends thousands of empty events makes the
/// server hold as many items.
#[tokio::test]
async fn what_waits_in_a_mailbox_counts_with_the_room_that_it_takes() {
    let budget = Arc::new(Budget::new(usize::MAX));
    let capacity = Capacity {
        items: 100,
        bytes: 1000,
    };
    let mailbox = Mailbox::new(capacity, EventNumber(0), Default::default(), budget.clone());
    let reasons = [Unhandled::Expired, Unhandled::Flood];
    for number in 0..50 {
        mailbox.event(None, Ok(event("a"))).unwrap();
        mailbox.event(None, Err(reasons[number % 2])).unwrap();
    }
    let items = 100 * size_of::<Item>();
    let waiting = budget.waiting();
    assert!((items..items + 1000).contains(&waiting), "{waiting} bytes");
    assert_eq!(mailbox.bytes(), waiting);
    for _ in 0..40 {
        popped(&mailbox).unwrap();
    }
    assert!(budget.waiting() < waiting * 2 / 3);
    mailbox.stop();
    assert_eq!(budget.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_after_which_the_store_took_no_state_is_handled_again() {
    let visits = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let made = visits.clone();
    let dispatcher = Closures::new(move |call| {
        let made = made.clone();
        async move {
            let count: i64 = call.props.to_json().parse().unwrap();
            let mut outcome = crate::testing::shown(count, &["<b>", "</b>"]);
            if call.event.is_some() {
                let json = r#"[{"after":["late",10]}]"#;
                outcome.effects = crate::effects::parse(json).unwrap();
            } else if !call.messages.is_empty() {
                if made.fetch_add(1, Ordering::SeqCst) == 0 {
                    return Err(CallError::NotKept("the disk is full".into()));
                }
                outcome = crate::testing::shown(count + 1, &["<b>", "</b>"]);
            }
            Ok(outcome)
        }
    });
    let actor = Fixture::new(dispatcher, "0", Limits::default());
    let mut actor = actor.started().await;
    actor.send("go");
    assert_eq!(actor.next().await, EMPTY);
    let minute = Duration::from_secs(60);
    let next = tokio::time::timeout(minute, actor.next()).await;
    assert_eq!(next.as_deref(), Ok(&*patch(1)));
    assert_eq!(visits.load(Ordering::SeqCst), 2);
}

/// What only shared components need costs no other component's mailbox anything.
#[test]
fn an_item_is_no_larger_for_what_few_components_have() {
    use crate::ids::EventNumber;
    use crate::protocol::ClientEvent;
    assert_eq!(
        size_of::<Item>(),
        size_of::<(EventNumber, ClientEvent)>(),
        "an event is the largest"
    );
    assert_eq!(size_of::<Option<Box<crate::dispatch::Sharing>>>(), 8);
}
