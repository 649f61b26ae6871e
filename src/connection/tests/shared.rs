//! A component that many pages show: its promises that depend on time, and on what goes wrong.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::message::Data;
use crate::store::{Answer, ClaimedShared, Holder, StoreError, Stored, ViewerNumber};

/// A counter that starts from nothing, whose dispatcher panics at one event.
fn counting() -> Closures {
    Closures::new(|call| async move {
        let handler = call.event.as_ref().map(|event| event.handler.to_string());
        assert_ne!(handler.as_deref(), Some("panic"), "a planted fault");
        let count: i64 = call.props.to_json().parse().unwrap_or(0);
        match handler.as_deref() {
            Some("fail") => return Err(crate::dispatch::CallError::Failed("no".into())),
            Some("slow") => sleep(Duration::from_secs(5)).await,
            _ => {}
        }
        let count = count + i64::from(handler.is_some());
        Ok(crate::testing::shown(count, &["<b>", "</b>"]))
    })
}

/// A page of the shared component.
struct Viewer {
    client: Client,
    waiting: Vec<Value>,
}

impl Viewer {
    async fn open(server: &Arc<Server>) -> Self {
        Self {
            client: Client::extended(server, user7()).await,
            waiting: Vec::new(),
        }
    }

    async fn join(&mut self, more: &[Value]) {
        let claims = Claims {
            module: "counter".into(),
            instance: "a key".into(),
            issued_at: crate::clock::unix_now(),
            ..Claims::empty(Kind::Shared)
        };
        let keyring = &self.client.server.context.keyring;
        let token = keyring.seal(&claims, "user 7").unwrap();
        let mut join = vec![json!("j"), json!(1), json!("counter"), json!(token)];
        join.extend_from_slice(more);
        self.client.send(&Value::from(join).to_string()).await;
    }

    /// A page that has joined, and its ticket.
    async fn load(server: &Arc<Server>) -> (Self, String) {
        let mut viewer = Self::open(server).await;
        viewer.join(&[]).await;
        let joined = viewer.next().await;
        assert_eq!(joined[0], "j", "{joined}");
        (viewer, joined[5].as_str().unwrap().to_owned())
    }

    async fn event(&mut self, number: u64, handler: &str) {
        let event = json!(["e", 1, number, number - 1, handler, "click"]);
        self.client.send(&event.to_string()).await;
    }

    /// The next message that is not bookkeeping.
    async fn next(&mut self) -> Value {
        loop {
            if self.waiting.is_empty() {
                let text = self.client.next().await;
                let frame = serde_json::from_str(&text).unwrap_or(Value::String(text));
                self.waiting = messages(frame);
            }
            let message = self.waiting.remove(0);
            if !["o", "t"].iter().any(|kind| message[0] == *kind) {
                return message;
            }
        }
    }
}

fn change(number: u64, count: i64) -> Value {
    // Closures give HTML, which is sent as a whole.
    json!([1, number, 0, { "h": format!("<b>{count}</b>") }])
}

#[tokio::test(start_paused = true)]
async fn answers_and_changes_are_sent_at_most_so_often_the_same_to_all() {
    let server = Server::new(counting(), Limits::default());
    let (mut first, _) = Viewer::load(&server).await;
    let (mut second, _) = Viewer::load(&server).await;
    first.event(1, "increment").await;
    assert_eq!(first.next().await, change(1, 1));
    assert_eq!(second.next().await, change(0, 1));
    // These come within a thirtieth of a second.
    first.event(2, "increment").await;
    second.event(1, "increment").await;
    first.event(3, "fail").await;
    first.event(4, "increment").await;
    let failed = first.next().await;
    assert_eq!((&failed[0], &failed[2]), (&json!("e"), &json!(3)));
    assert_eq!(first.next().await, json!(["v", 1, 4]));
    assert_eq!(first.next().await, change(4, 4));
    assert_eq!(second.next().await, json!(["v", 1, 4]));
    assert_eq!(second.next().await, change(1, 4));
    sleep(Duration::from_secs(1)).await;
    second.event(2, "increment").await;
    assert_eq!(second.next().await, change(2, 5));
    assert_eq!(first.next().await, change(4, 5));
    drop((first, second));
    sleep(Duration::from_secs(120)).await;
    server.is_empty().await;
    assert_eq!(server.context.budget.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_its_actor_is_told_to_all_pages_and_the_next_join_starts_anew() {
    let server = Server::new(counting(), Limits::default());
    let (mut first, ticket) = Viewer::load(&server).await;
    let (mut second, _) = Viewer::load(&server).await;
    first.event(1, "increment").await;
    first.next().await;
    second.next().await;
    sleep(Duration::from_secs(1)).await;
    first.event(2, "panic").await;
    let failed = first.next().await;
    assert_eq!((&failed[0], &failed[2]), (&json!("e"), &json!(2)));
    for viewer in [&mut first, &mut second] {
        let told = viewer.next().await;
        assert_eq!((&told[0], &told[3]), (&json!("f"), &json!("busy")));
    }
    sleep(Duration::from_secs(1)).await;
    assert_eq!(server.context.stats.components.get(), 0);
    let resume = [json!(ticket), json!(1), json!(1), json!(0)];
    first.join(&resume).await;
    let joined = first.next().await;
    assert_eq!(
        (&joined[0], &joined[2], &joined[3]),
        (&json!("j"), &json!(0), &json!(0))
    );
    assert_eq!(joined[6], 3, "anew, and shared");
    drop((first, second));
    sleep(Duration::from_secs(120)).await;
    server.is_empty().await;
}

#[tokio::test(start_paused = true)]
async fn a_page_goes_on_from_its_ticket_also_when_its_viewer_has_left() {
    let server = Server::new(counting(), Limits::default());
    // Keeps the component.
    let (_other, _) = Viewer::load(&server).await;
    let (mut page, ticket) = Viewer::load(&server).await;
    page.event(1, "increment").await;
    assert_eq!(page.next().await, change(1, 1));
    page.event(2, "slow").await;
    sleep(Duration::from_secs(1)).await;
    drop(page);
    // The page's events are handled, and the answers wait.
    sleep(Duration::from_secs(10)).await;
    let mut page = Viewer::open(&server).await;
    let resume = |seen: u64| [json!(ticket), json!(seen), json!(1), json!(0)];
    page.join(&resume(1)).await;
    let resumed = page.next().await;
    assert_eq!((&resumed[0], &resumed[2]), (&json!("a"), &json!(2)));
    assert_eq!(page.next().await, change(2, 2));
    // The same event again is the same.
    page.event(2, "increment").await;
    page.event(3, "increment").await;
    assert_eq!(page.next().await, change(3, 3));
    drop(page);
    // The viewer has left, and its number is known.
    sleep(Duration::from_secs(100)).await;
    let mut page = Viewer::open(&server).await;
    page.join(&resume(3)).await;
    let resumed = page.next().await;
    assert_eq!((&resumed[0], &resumed[2]), (&json!("a"), &json!(3)));
    // The page has said that it shows the first revision.
    assert_eq!(page.next().await, change(3, 2));
    assert_eq!(page.next().await, change(3, 3));
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_good_with_a_ticket_that_is_not() {
    let server = Server::new(counting(), Limits::default());
    let keyring = &server.context.keyring;
    let now = crate::clock::unix_now();
    let day = Duration::from_secs(86_400);
    let claims = |kind, age: u64, viewer: &str| Claims {
        module: "counter".into(),
        instance: "a key".into(),
        viewer: viewer.into(),
        issued_at: now - age * 86_400,
        ..Claims::empty(kind)
    };
    let seal = |claims: &Claims| keyring.seal(claims, "ada").unwrap();
    let token = seal(&claims(Kind::Shared, 20, ""));
    let open = |ticket: &str| keyring.open_shared(&token, Some(ticket), "ada", now, 14 * day);
    assert!(open(&seal(&claims(Kind::Ticket, 10, "v"))).is_ok());
    assert!(open(&seal(&claims(Kind::Ticket, 15, "v"))).is_err());
    assert!(open(&seal(&claims(Kind::Shared, 1, ""))).is_err());
    assert!(open("").is_err());
    assert!(
        keyring
            .open_shared(&token, None, "ada", now, 14 * day)
            .is_err()
    );
    // No other token is good for longer.
    let mount = seal(&claims(Kind::Mount, 20, ""));
    let ticket = seal(&claims(Kind::Ticket, 1, "v"));
    let opened = keyring.open_shared(&mount, Some(&ticket), "ada", now, 14 * day);
    assert!(opened.is_err());
}

/// A store that can be away. The store keeps nothing.
#[derive(Clone, Default)]
struct Away {
    is_away: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Store for Away {
    fn claim(&self, _: &Arc<str>, _: Life) -> Answer<Option<Stored>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn save(&self, _: &Arc<str>, _: Holder, _: Stored) -> Answer<()> {
        unreachable!("every component is shared here")
    }

    fn save_shared(&self, _: &Arc<str>, _: Holder, _: Stored, _: Vec<ViewerNumber>) -> Answer<()> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let away = || StoreError::Failed("the store is away".to_owned());
        let is_away = self.is_away.load(Ordering::SeqCst);
        let kept = if is_away { Err(away()) } else { Ok(()) };
        Box::pin(std::future::ready(kept))
    }

    fn claim_shared(&self, _: &Arc<str>, _: Life) -> Answer<Option<ClaimedShared>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn stored(&self) -> u64 {
        0
    }

    fn close(&self) -> Answer<()> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A component whose props are the ids of its viewers, as its receiver `viewers` was told of them.
fn counting_viewers() -> Closures {
    Closures::new(|call| {
        let here: Option<BTreeSet<String>> = serde_json::from_str(&call.props.to_json()).ok();
        let mut here = here.unwrap_or_default();
        for message in &call.messages {
            let Data::Json(json) = &message.data else {
                continue;
            };
            let said: Value = serde_json::from_str(json).unwrap();
            let ids = |name: &str| {
                let viewers = said[name].as_array().unwrap().iter();
                let ids = viewers.map(|one| one["id"].as_str().unwrap().to_owned());
                ids.collect::<Vec<_>>()
            };
            for id in ids("left") {
                assert!(here.remove(&id), "it was never told that {id} has joined");
            }
            for id in ids("joined") {
                assert!(
                    here.insert(id),
                    "it was told twice that somebody has joined"
                );
            }
        }
        let count = i64::try_from(here.len()).unwrap();
        let mut outcome = crate::testing::shown(count, &["<b>", "</b>"]);
        let json = serde_json::to_string(&here).unwrap();
        outcome.props = Some(Arc::new(Props::from_json(&json)));
        std::future::ready(Ok(outcome))
    })
}

/// While the store is away, viewers join and leave. Afterwards the receiver is told of all viewers that have
/// come and are still there, once, and of no viewer twice. The memory that waits does not grow with viewers
/// that come and go.
#[tokio::test(start_paused = true)]
async fn who_joins_and_leaves_while_the_store_is_away_is_told_when_it_is_back() {
    let store = Away::default();
    let limits = Limits {
        park_time: Duration::from_secs(1),
        ..Limits::default()
    };
    let (mut context, log) = application(counting_viewers(), limits);
    let shared = Arc::get_mut(&mut context).unwrap();
    let details = Details {
        receivers: vec!["viewers".into()],
        ..Details::default()
    };
    shared.registry = Registry::default();
    shared.registry.add("counter", false, details).unwrap();
    shared.store = Some(Box::new(store.clone()));
    let server = Server::of(context, log);
    let (mut page, _) = Viewer::load(&server).await;
    let (before, _) = Viewer::load(&server).await;
    sleep(Duration::from_secs(3)).await;
    store.is_away.store(true, Ordering::SeqCst);
    drop(before);
    let asked = store.asked.load(Ordering::SeqCst);
    let mut stays = Vec::new();
    let mut most = 0;
    for round in 0..100 {
        let (viewer, _) = Viewer::load(&server).await;
        // Most of them go at once, and some stay.
        if round % 10 == 0 {
            stays.push(viewer);
        }
        sleep(Duration::from_millis(300)).await;
        most = most.max(server.context.budget.waiting());
    }
    assert!(most < 2000, "{most} bytes wait");
    let tries = store.asked.load(Ordering::SeqCst) - asked;
    assert!((1..=35).contains(&tries), "{tries} tries in 30 s");
    store.is_away.store(false, Ordering::SeqCst);
    sleep(Duration::from_secs(5)).await;
    // The viewers that stay, and the page itself.
    let mut last = Value::Null;
    while !last.to_string().contains("<b>11</b>") {
        last = page.next().await;
    }
    let errors = server.log.lock().unwrap();
    let told = errors
        .iter()
        .filter(|(_, line)| line.contains("the store is away"));
    assert!(told.count() > 0, "the operator is told");
}
