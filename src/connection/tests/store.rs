//! States that must not be rolled back: a store that several processes share.

use serde_json::json;

use super::page::{Page, html, large};
use super::*;
use crate::members::{Leave, Whose};
use crate::store::{Answer, ClaimedShared, Holder, StoreError, Stored, ViewerNumber};
use crate::topics::{
    self, Batch, Most, Position, Published, Sink, Subscribed, Subscription, Topics,
};

/// A store in memory, which two processes share.
#[derive(Clone, Default)]
struct Memory {
    states: Arc<std::sync::Mutex<std::collections::HashMap<Arc<str>, Stored>>>,
    broken: Arc<std::sync::atomic::AtomicBool>,
    holders: Arc<std::sync::Mutex<std::collections::HashSet<Holder>>>,
    saves: Arc<std::sync::atomic::AtomicUsize>,
}

impl Store for Memory {
    fn claim(&self, instance: &Arc<str>, after: Life) -> Answer<Option<Stored>> {
        if self.broken.load(std::sync::atomic::Ordering::SeqCst) {
            let error = StoreError::Failed("the disk is gone".to_owned());
            return Box::pin(std::future::ready(Err(error)));
        }
        let mut states = self.states.lock().unwrap();
        let found = states.get_mut(instance);
        let found = found.map(|state| {
            state.life = state.life.max(after).next();
            state.clone()
        });
        Box::pin(std::future::ready(Ok(found)))
    }

    fn save(&self, instance: &Arc<str>, holder: Holder, stored: Stored) -> Answer<()> {
        self.holders.lock().unwrap().insert(holder);
        self.saves.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        if self.broken.load(std::sync::atomic::Ordering::SeqCst) {
            let error = StoreError::Failed("the disk is full".to_owned());
            return Box::pin(std::future::ready(Err(error)));
        }
        let mut states = self.states.lock().unwrap();
        let of = |stored: &Stored| (stored.life, stored.revision);
        let known = states.get(instance).map(of);
        let result = if known.is_none_or(|known| of(&stored) > known) {
            states.insert(instance.clone(), stored);
            Ok(())
        } else {
            Err(StoreError::Stale)
        };
        Box::pin(std::future::ready(result))
    }

    fn save_shared(
        &self,
        _instance: &Arc<str>,
        _holder: Holder,
        _stored: Stored,
        _viewers: Vec<ViewerNumber>,
    ) -> Answer<()> {
        unreachable!("no component is shared here")
    }

    fn claim_shared(&self, _instance: &Arc<str>, _after: Life) -> Answer<Option<ClaimedShared>> {
        unreachable!("no component is shared here")
    }

    fn stored(&self) -> u64 {
        self.states.lock().unwrap().len() as u64
    }

    fn close(&self) -> Answer<()> {
        Box::pin(std::future::ready(Ok(())))
    }
}

#[tokio::test(start_paused = true)]
async fn with_a_store_an_old_checkpoint_rolls_nothing_back_across_processes() {
    let store = Memory::default();
    let start = || Server::with_store(Closures::counter(), Limits::default(), store.clone());
    let mut page = Page::load(&start()).await;
    let (_, old) = page.checkpoint.clone().unwrap_or_default();
    for number in 1..=3 {
        page.event(number, number - 1, "increment").await;
        assert_eq!(page.answer().await, (number, html(number as i64)));
    }
    assert!(old.is_empty(), "the first checkpoint comes after the tree");
    let (at, old) = page.checkpoint.clone().unwrap();
    assert!(at < 3);
    let next = start();
    page.reconnect(&next).await;
    page.join(old, None).await;
    assert_eq!(page.shown().await, (3, html(3), false));
    // Events that the stored state includes are not applied again.
    page.event(3, 3, "increment").await;
    page.event(4, 3, "increment").await;
    assert_eq!(page.answer().await, (4, html(4)));
}

/// The store has brought the component further than its page knows.
#[tokio::test(start_paused = true)]
async fn with_a_store_a_rejoin_whose_answer_was_lost_can_be_made_again() {
    let store = Memory::default();
    let start = || Server::with_store(Closures::counter(), Limits::default(), store.clone());
    let mut page = Page::load(&start()).await;
    for number in 1..=3 {
        page.event(number, number - 1, "increment").await;
        assert_eq!(page.answer().await, (number, html(number as i64)));
    }
    let (at, old) = page.checkpoint.clone().unwrap();
    assert!(at < 3);
    let next = start();
    for _ in 0..3 {
        page.reconnect(&next).await;
        page.join(old.clone(), None).await;
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(page.shown().await, (3, html(3), false));
    // Once the page has gone on from there, an older one is refused.
    page.event(4, 3, "increment").await;
    assert_eq!(page.answer().await, (4, html(4)));
    let mut other = Page::new(Client::extended(&next, user7()).await);
    other.join(old, None).await;
    assert_eq!(other.refused().await, "reload");
}

/// Sealing is what a checkpoint costs: no two seals of one state are the same text.
#[tokio::test(start_paused = true)]
async fn with_a_store_a_checkpoint_that_is_due_is_sealed_once() {
    let store = Memory::default();
    let server = Server::with_store(Closures::counter(), Limits::default(), store.clone());
    let mut page = Page::load(&server).await;
    let stored = || {
        store
            .states
            .lock()
            .unwrap()
            .values()
            .next()
            .cloned()
            .unwrap()
    };
    for number in 1..=3 {
        // Long enough for the next checkpoint to go with the answer.
        sleep(Duration::from_millis(300)).await;
        page.event(number, number - 1, "increment").await;
        assert_eq!(page.answer().await, (number, html(number as i64)));
        let quiet = tokio::time::timeout(Duration::from_millis(10), page.next());
        assert!(quiet.await.is_err());
        let (at, checkpoint) = page.checkpoint.clone().unwrap();
        let Stored {
            revision, sealed, ..
        } = stored();
        assert_eq!((Revision(at), checkpoint), (revision, sealed));
    }
    // A state that could not be saved is in no checkpoint, and neither is a failed event.
    store
        .broken
        .store(true, std::sync::atomic::Ordering::SeqCst);
    sleep(Duration::from_millis(300)).await;
    page.event(4, 3, "increment").await;
    assert_eq!(page.next().await[0], "e");
    let quiet = tokio::time::timeout(Duration::from_secs(1), page.next());
    assert!(quiet.await.is_err());
    let (at, checkpoint) = page.checkpoint.clone().unwrap();
    let claims = server
        .context
        .keyring
        .open(&checkpoint, "user 7", unix_now(), Duration::MAX)
        .unwrap();
    let Point { event, revision } = claims.point;
    assert_eq!((at, event.0, revision.0), (4, 4, 3));
    assert_eq!(claims.props_json, "3");
}

#[tokio::test(start_paused = true)]
async fn a_component_that_went_on_elsewhere_ends_here() {
    let store = Memory::default();
    let start = || Server::with_store(Closures::counter(), Limits::default(), store.clone());
    let first = start();
    let mut page = Page::load(&first).await;
    page.event(1, 0, "increment").await;
    assert_eq!(page.answer().await, (1, html(1)));
    let (_, checkpoint) = page.checkpoint.clone().unwrap();
    // The page is shown by another process meanwhile.
    let second = start();
    let mut other = Page::new(Client::extended(&second, user7()).await);
    other.join(checkpoint, None).await;
    assert_eq!(other.shown().await, (1, html(1), false));
    other.event(2, 1, "increment").await;
    assert_eq!(other.answer().await, (2, html(2)));
    page.event(2, 1, "increment").await;
    assert_eq!(page.refused().await, "busy");
    assert_eq!(first.context.stats.components.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn with_a_store_an_anchor_finds_the_newest_state() {
    let store = Memory::default();
    let start = || {
        let (dispatcher, ids) = large();
        let server = Server::with_store(dispatcher, Limits::default(), store.clone());
        (server, ids)
    };
    let (first, ids) = start();
    let mut page = Page::load_large(&first, Client::extended(&first, user7()).await).await;
    for number in 1..=3 {
        page.event(number, number - 1, "increment").await;
        assert_eq!(page.answer().await, (number, html(number as i64)));
    }
    let name = ids.lock().unwrap()[0].0.clone();
    let (second, ids) = start();
    let mut moved = Page::new(Client::extended(&second, user7()).await);
    moved.join(page.anchored(), None).await;
    assert_eq!(moved.shown().await, (3, html(3), false));
    moved.event(4, 3, "increment").await;
    assert_eq!(moved.answer().await, (4, html(4)));
    assert_eq!(*ids.lock().unwrap(), [(name, 4)]);
    // The component goes on there, and no more here.
    page.event(4, 3, "increment").await;
    assert_eq!(page.refused().await, "busy");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_kept_is_not_applied() {
    let store = Memory::default();
    let server = Server::with_store(Closures::counter(), Limits::default(), store.clone());
    let mut page = Page::load(&server).await;
    store
        .broken
        .store(true, std::sync::atomic::Ordering::SeqCst);
    page.event(1, 0, "increment").await;
    let failed = page.next().await;
    assert_eq!((&failed[0], &failed[2]), (&json!("e"), &json!(1)));
    assert_eq!(
        failed[3],
        "The server could not save this; it was not applied."
    );
    store
        .broken
        .store(false, std::sync::atomic::Ordering::SeqCst);
    page.event(2, 1, "increment").await;
    assert_eq!(page.answer().await, (2, html(1)));
    let log = server.log.lock().unwrap();
    assert!(
        log.iter()
            .any(|(_, text)| text.contains("the disk is full"))
    );
}

/// The state in the store is still there; a page that gave up would lose it.
#[tokio::test(start_paused = true)]
async fn a_page_comes_back_when_the_store_can_be_read_again() {
    let store = Memory::default();
    let start = || Server::with_store(Closures::counter(), Limits::default(), store.clone());
    let mut page = Page::load(&start()).await;
    page.event(1, 0, "increment").await;
    assert_eq!(page.answer().await, (1, html(1)));
    let (_, checkpoint) = page.checkpoint.clone().unwrap();
    let broken = |is_broken| {
        store
            .broken
            .store(is_broken, std::sync::atomic::Ordering::SeqCst);
    };
    let next = start();
    broken(true);
    page.reconnect(&next).await;
    page.join(checkpoint.clone(), None).await;
    assert_eq!(page.refused().await, "busy");
    broken(false);
    page.join(checkpoint, None).await;
    assert_eq!(page.shown().await, (1, html(1), false));
}

/// The stored state of a component cannot be opened, now or later: the page is told to start anew, and the
/// operator is told why.
#[tokio::test(start_paused = true)]
async fn a_state_that_cannot_be_opened_is_told_and_ends() {
    let store = Memory::default();
    let start = || Server::with_store(Closures::counter(), Limits::default(), store.clone());
    let mut page = Page::load(&start()).await;
    for number in 1..=2 {
        page.event(number, number - 1, "increment").await;
        assert_eq!(page.answer().await, (number, html(number as i64)));
    }
    let (at, checkpoint) = page.checkpoint.clone().unwrap();
    assert!(at < 2);
    for stored in store.states.lock().unwrap().values_mut() {
        stored.sealed.truncate(20);
    }
    let next = start();
    page.reconnect(&next).await;
    page.join(checkpoint, None).await;
    assert_eq!(page.refused().await, "reload");
    sleep(Duration::from_millis(10)).await;
    assert_eq!(next.context.stats.components.get(), 0);
    let log = next.log.lock().unwrap();
    let [(Level::Error, line)] = log.as_slice() else {
        panic!("{log:?}");
    };
    assert!(line.contains("cannot be opened"), "{line}");
}

/// The state was sealed when the clock was wrong by days, or it has been set back since.
#[tokio::test(start_paused = true)]
async fn a_clock_that_was_set_back_keeps_no_state_closed() {
    let store = Memory::default();
    let start = || Server::with_store(Closures::counter(), Limits::default(), store.clone());
    let first = start();
    let mut page = Page::load(&first).await;
    for number in 1..=2 {
        page.event(number, number - 1, "increment").await;
        assert_eq!(page.answer().await, (number, html(number as i64)));
    }
    let (_, checkpoint) = page.checkpoint.clone().unwrap();
    for days in [-1000, -1, 1, 1000] {
        let keyring = &first.context.keyring;
        let mut brought = checkpoint.clone();
        for sealed in store
            .states
            .lock()
            .unwrap()
            .values_mut()
            .map(|stored| &mut stored.sealed)
            .chain([&mut brought])
        {
            let mut claims = keyring.open_kept(sealed, "user 7").unwrap();
            claims.issued_at = unix_now().saturating_add_signed(days * 86_400);
            *sealed = keyring.seal(&claims, "user 7").unwrap();
        }
        page.reconnect(&start()).await;
        // The age of a checkpoint is checked. A stored state has no age: it is the newest.
        let joins = if days.abs() > 1 {
            checkpoint.clone()
        } else {
            brought
        };
        page.join(joins, None).await;
        assert_eq!(page.shown().await, (2, html(2), false), "{days}");
    }
}

/// Otherwise a client with a network would be one holder for each address of the network, each with its own
/// bound, and the states of others would be dropped.
#[tokio::test(start_paused = true)]
async fn an_ipv6_network_is_one_holder() {
    let holders = async |addresses: &[&str]| {
        let store = Memory::default();
        let server = Server::with_store(Closures::counter(), Limits::default(), store.clone());
        for address in addresses {
            let peer = Peer {
                address: (*address).into(),
                ..Peer::default()
            };
            let mut page = Page::new(Client::extended(&server, peer).await);
            page.join(token(&server.context, "0", ""), None).await;
            page.shown().await;
            page.event(1, 0, "increment").await;
            page.answer().await;
        }
        store.holders.lock().unwrap().len()
    };
    assert_eq!(
        holders(&["2001:db8::1", "2001:db8::2", "2001:DB8:0:0:ffff::3"]).await,
        1
    );
    assert_eq!(
        holders(&["10.0.0.7", "::ffff:10.0.0.7", "10.0.0.7:443"]).await,
        1
    );
    assert_eq!(
        holders(&["2001:db8::1", "2001:db8:0:1::1", "10.0.0.7", "10.0.0.8"]).await,
        4
    );
}

/// Topics of a process that is killed: from then on no message is published.
struct Dying {
    topics: Arc<dyn Topics>,
    is_killed: Arc<std::sync::atomic::AtomicBool>,
}

impl Topics for Dying {
    fn publish(&self, topic: &str, id: Option<&str>, data: Arc<str>) -> topics::Answer<Published> {
        if self.is_killed.load(std::sync::atomic::Ordering::SeqCst) {
            return Box::pin(std::future::pending());
        }
        self.topics.publish(topic, id, data)
    }

    fn subscribe(
        &self,
        topic: &str,
        sink: Arc<dyn Sink>,
        number: u32,
    ) -> topics::Answer<Subscribed> {
        self.topics.subscribe(topic, sink, number)
    }

    fn follow(
        &self,
        topic: &str,
        sink: Arc<dyn Sink>,
        number: u32,
    ) -> Result<Subscription, topics::TopicError> {
        self.topics.follow(topic, sink, number)
    }

    fn read(
        &self,
        subscription: &Subscription,
        from: Position,
        most: Most,
    ) -> topics::Answer<Batch> {
        self.topics.read(subscription, from, most)
    }

    fn sweep(&self, now: tokio::time::Instant) -> bool {
        self.topics.sweep(now)
    }

    fn held(&self) -> topics::Held {
        self.topics.held()
    }
}

/// The process is killed when the store has the state, and the topic does not have the message yet.
#[tokio::test(start_paused = true)]
async fn a_message_that_a_killed_process_has_committed_and_not_published_comes_once() {
    let publishing = || {
        Closures::new(|call| async move {
            let count: i64 = call.props.to_json().parse().unwrap();
            let is_event = call.event.is_some();
            let mut outcome = crate::testing::shown(count + i64::from(is_event), &["<b>", "</b>"]);
            if is_event {
                let json = format!(r#"[{{"publish":["id/{}","news",{count}]}}]"#, call.number.0);
                outcome.effects = crate::effects::parse(&json).unwrap();
            }
            Ok(outcome)
        })
    };
    let store = Memory::default();
    let is_killed = Arc::<std::sync::atomic::AtomicBool>::default();
    let start = |is_killed: &Arc<std::sync::atomic::AtomicBool>| {
        let (mut context, log) = application(publishing(), Limits::default());
        let shared = Arc::get_mut(&mut context).unwrap();
        shared.store = Some(Box::new(store.clone()));
        let topics = shared.topics.clone();
        let is_killed = is_killed.clone();
        shared.topics = Arc::new(Dying { topics, is_killed });
        Server::of(context, log)
    };
    let first = start(&is_killed);
    let mut page = Page::load(&first).await;
    page.event(1, 0, "say").await;
    assert_eq!(page.answer().await, (1, html(1)));
    is_killed.store(true, std::sync::atomic::Ordering::SeqCst);
    page.event(2, 1, "say").await;
    assert_eq!(page.answer().await, (2, html(2)));
    // The next process has topics of its own, and a subscriber before the page is there.
    let next = start(&Arc::default());
    let nobody: Arc<dyn Sink> = Arc::new(Nobody);
    let topics = &next.context.topics;
    let subscribed = topics.subscribe("news", nobody, 0).await.unwrap();
    let checkpoint = page.checkpoint.clone().unwrap().1;
    for rejoins in 0..3 {
        page.reconnect(&next).await;
        let token = if checkpoint.starts_with('.') {
            format!("{}{checkpoint}", page.token)
        } else {
            checkpoint.clone()
        };
        page.join(token, None).await;
        assert_eq!(page.shown().await, (2, html(2), false), "{rejoins}");
    }
    let most = Most {
        messages: 10,
        bytes: 1000,
    };
    let batch = topics.read(&subscribed.subscription, subscribed.now, most);
    let batch = batch.await.unwrap();
    let came: Vec<&str> = batch.messages.iter().map(|one| &*one.data).collect();
    // What the first process had published is with that process's subscribers, and comes no more.
    assert_eq!(came, ["1"]);
}

/// Nobody: for a subscription that only keeps a topic.
struct Nobody;

impl Sink for Nobody {
    fn wake(&self, _subscription: u32) {}
}

/// A subscription that the application ends is kept as ended, also if the store fails at first; until then no
/// further message of the topic is handled.
#[tokio::test(start_paused = true)]
async fn a_subscription_that_the_application_ends_is_ended_in_the_store() {
    const EPOCH: &str = "AAAAAAAAAAAAAAAAAAAAAA";
    let handled = Arc::<std::sync::atomic::AtomicUsize>::default();
    let counted = handled.clone();
    let dispatcher = Closures::new(move |call| {
        counted.fetch_add(call.messages.len(), std::sync::atomic::Ordering::SeqCst);
        let mut outcome = crate::testing::shown(0, &["<b>", "</b>"]);
        if call.event.is_some() {
            let json = format!(r#"[{{"subscribe":["room","got","{EPOCH}",0,0]}}]"#);
            outcome.effects = crate::effects::parse(&json).unwrap();
        }
        std::future::ready(Ok(outcome))
    });
    let store = Memory::default();
    let limits = Limits {
        park_time: Duration::from_secs(600),
        ..Limits::default()
    };
    let server = Server::with_store(dispatcher, limits, store.clone());
    let set_broken = |is_broken| {
        let broken = &store.broken;
        broken.store(is_broken, std::sync::atomic::Ordering::SeqCst);
    };
    let sessions = &server.sessions;
    let unsubscribe = |bind: &str| {
        sessions.unsubscribe(&Leave {
            topic: "room".into(),
            ends: false,
            whose: Whose {
                bind: Some(bind.into()),
                address: None,
            },
        })
    };
    let is_subscribed = || unsubscribe("user 7") == 1;
    let handles = || handled.load(std::sync::atomic::Ordering::SeqCst);
    let second = || sleep(Duration::from_secs(1));
    for is_shown in [true, false] {
        let mut page = Page::load(&server).await;
        page.event(1, 0, "enter").await;
        assert_eq!(page.answer().await.0, 1);
        // The gap that the foreign epoch makes.
        second().await;
        let before = handles();
        if !is_shown {
            page.reconnect(&server).await;
            second().await;
        }
        set_broken(true);
        assert_eq!(unsubscribe("user 8"), 0);
        assert!(is_subscribed());
        let published = server.context.topics.publish("room", None, "1".into());
        published.await.unwrap();
        second().await;
        assert!(is_subscribed(), "the store has not kept it");
        set_broken(false);
        if !is_shown {
            let secret = page.secret.clone();
            page.join(String::new(), Some((&secret, 1))).await;
            assert_eq!(page.resumed().await, 1);
        }
        second().await;
        second().await;
        assert!(!is_subscribed(), "shown: {is_shown}");
        assert_eq!(handles(), before, "shown: {is_shown}");
        page.client.send(r#"["l",2]"#).await;
        drop(page);
        sessions.disconnect_matching(Some("user 7"), None);
        second().await;
    }
}

/// Five messages and two events wait while a handler runs: the messages are one visit, and each event is alone.
#[tokio::test(start_paused = true)]
async fn messages_that_wait_together_are_one_visit_with_one_revision_and_one_save() {
    type Made = Arc<std::sync::Mutex<Vec<(bool, usize)>>>;
    let made = Made::default();
    let calls = made.clone();
    let position = Arc::<std::sync::Mutex<String>>::default();
    let subscribes = position.clone();
    let dispatcher = Closures::new(move |call| {
        let handler = call.event.as_ref().map(|event| event.handler.to_string());
        if call.origin.is_none() {
            let made = (call.event.is_some(), call.messages.len());
            calls.lock().unwrap().push(made);
        }
        let count: i64 = call.props.to_json().parse().unwrap();
        let subscribes = subscribes.clone();
        async move {
            let done = call.messages.len() as i64 + i64::from(handler.is_some());
            let mut outcome = crate::testing::shown(count + done, &["<b>", "</b>"]);
            match handler.as_deref() {
                Some("enter") => {
                    let json = subscribes.lock().unwrap().clone();
                    outcome.effects = crate::effects::parse(&json).unwrap();
                }
                Some("hold") => sleep(Duration::from_secs(5)).await,
                _ => {}
            }
            Ok(outcome)
        }
    });
    let store = Memory::default();
    let server = Server::with_store(dispatcher, Limits::default(), store.clone());
    let topics = &server.context.topics;
    let nobody: Arc<dyn Sink> = Arc::new(Nobody);
    let subscribed = topics.subscribe("news", nobody, 0).await.unwrap();
    let Position { epoch, number } = subscribed.now;
    *position.lock().unwrap() = format!(r#"[{{"subscribe":["news","got","{epoch}",{number},0]}}]"#);
    let mut page = Page::load(&server).await;
    page.event(1, 0, "enter").await;
    assert_eq!(page.answer().await, (1, html(1)));
    page.event(2, 1, "hold").await;
    sleep(Duration::from_secs(1)).await;
    page.event(3, 1, "increment").await;
    page.event(4, 1, "increment").await;
    for number in 0..5 {
        let published = topics.publish("news", None, number.to_string().into());
        published.await.unwrap();
    }
    let saves = || store.saves.load(std::sync::atomic::Ordering::SeqCst);
    let before = saves();
    sleep(Duration::from_secs(30)).await;
    let mut made = made.lock().unwrap().clone();
    let event = (true, 0);
    assert_eq!(made[..2], [event, event], "those before the messages");
    let mut rest = made.split_off(2);
    rest.sort_unstable();
    assert_eq!(rest, [(false, 5), event, event]);
    // The handler that was running, the visit, two events.
    assert_eq!(saves() - before, 4);
    let states = store.states.lock().unwrap();
    let revisions: Vec<u64> = states.values().map(|one| one.revision.0).collect();
    assert_eq!(revisions, [5]);
}
