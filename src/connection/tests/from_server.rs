//! A page that comes back while there is something from the server.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::page::Page;
use super::*;
use crate::effects;
use crate::members::{Leave, Whose};

/// A component that enters the topic `room` by the event `enter`, and whose receiver takes so long. Counts the
/// messages that were begun, and how often `authorize` was asked, which takes a second. The event `slow` takes 5 s.
fn room(receives: Duration) -> (Closures, Arc<AtomicUsize>) {
    const EPOCH: &str = "BAAAAAAAAAAAAAAAAAAAAA";
    let begun = Arc::<AtomicUsize>::default();
    let counted = begun.clone();
    let dispatcher = Closures::new(move |call| {
        let before = counted.fetch_add(call.messages.len(), Ordering::SeqCst);
        async move {
            let handler = call.event.as_ref().map(|event| event.handler.to_string());
            let count = i64::try_from(before + call.messages.len()).unwrap();
            let mut outcome = crate::testing::shown(count, &["<b>", "</b>"]);
            match handler.as_deref() {
                Some("enter") => {
                    let json = format!(r#"[{{"subscribe":["room","got","{EPOCH}",0,0]}}]"#);
                    outcome.effects = effects::parse(&json).unwrap();
                }
                Some(_) => sleep(Duration::from_secs(5)).await,
                None if !call.messages.is_empty() => sleep(receives).await,
                None if call.origin.is_some() => sleep(Duration::from_secs(1)).await,
                None => {}
            }
            Ok(outcome)
        }
    });
    (dispatcher, begun)
}

/// A page in the room, which has had the gap that the foreign epoch of its first position makes.
async fn entered(server: &Arc<Server>) -> Page {
    let mut page = Page::load(server).await;
    page.event(1, 0, "enter").await;
    assert_eq!(page.answer().await, (1, String::new()));
    assert_eq!(page.next().await[0], page.joins);
    page.revision = Some(2);
    page
}

async fn seconds(count: u64) {
    sleep(Duration::from_secs(count)).await;
}

async fn back(page: &mut Page, server: &Arc<Server>) {
    page.reconnect(server).await;
    let secret = page.secret.clone();
    page.join(String::new(), Some((&secret, 1))).await;
}

async fn say(server: &Server) {
    let published = server.context.topics.publish("room", None, "1".into());
    published.await.unwrap();
}

fn unsubscribe(server: &Server, topic: &str) -> usize {
    server.sessions.unsubscribe(&Leave {
        topic: topic.into(),
        ends: false,
        whose: Whose::default(),
    })
}

/// The page is shown the committed state. The receiver that takes longer is not called again: its effects
/// elsewhere would happen twice.
#[tokio::test(start_paused = true)]
async fn a_receiver_that_takes_longer_than_a_page_waits_is_called_once() {
    let (dispatcher, begun) = room(Duration::from_secs(5));
    let server = Server::new(dispatcher, Limits::default());
    let mut page = entered(&server).await;
    page.reconnect(&server).await;
    seconds(1).await;
    say(&server).await;
    let before = tokio::time::Instant::now();
    back(&mut page, &server).await;
    assert_eq!(page.resumed().await, 1);
    assert_eq!(before.elapsed().as_secs(), 2, "until the page is shown");
    let change = page.next().await;
    assert_eq!(before.elapsed().as_secs(), 5, "{change}");
    assert!(change.to_string().contains('2'), "{change}");
    seconds(60).await;
    assert_eq!(begun.load(Ordering::SeqCst), 2, "the gap and the message");
}

/// The application takes the component out of the topic while the page waits for `authorize`, or while an event
/// is handled for which the page waits.
#[tokio::test(start_paused = true)]
async fn a_page_that_is_back_is_not_shown_what_was_taken_away_meanwhile() {
    for is_busy in [false, true] {
        let (dispatcher, begun) = room(Duration::ZERO);
        let server = Server::asking_of(dispatcher, Limits::default());
        let mut page = entered(&server).await;
        if is_busy {
            page.event(2, 1, "slow").await;
            seconds(1).await;
        }
        page.reconnect(&server).await;
        seconds(1).await;
        say(&server).await;
        let answered = if is_busy {
            assert_eq!(unsubscribe(&server, "room"), 1);
            back(&mut page, &server).await;
            2
        } else {
            back(&mut page, &server).await;
            sleep(Duration::from_millis(500)).await;
            assert_eq!(unsubscribe(&server, "room"), 1);
            1
        };
        assert_eq!(page.resumed().await, answered);
        seconds(60).await;
        assert_eq!(begun.load(Ordering::SeqCst), 1, "the gap; busy: {is_busy}");
        assert_eq!(unsubscribe(&server, "room"), 0);
    }
}

/// A component keeps nothing of topics that it is not in, however busy it is.
#[tokio::test(start_paused = true)]
async fn topics_that_a_component_is_not_in_cost_it_nothing() {
    let (dispatcher, _) = room(Duration::ZERO);
    let server = Server::new(dispatcher, Limits::default());
    let mut page = entered(&server).await;
    page.event(2, 1, "slow").await;
    seconds(1).await;
    let before = server.context.budget.waiting();
    for number in 0..1000 {
        assert_eq!(unsubscribe(&server, &number.to_string()), 0);
    }
    assert_eq!(server.context.budget.waiting(), before);
    for _ in 0..1000 {
        assert_eq!(unsubscribe(&server, "room"), 1);
    }
    assert!(server.context.budget.waiting() < before + 1000);
    assert_eq!(page.answer().await.0, 2);
    seconds(1).await;
    assert_eq!(unsubscribe(&server, "room"), 0);
}
