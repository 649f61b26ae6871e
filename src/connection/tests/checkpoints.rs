//! States that outlive their process: checkpoints, and anchors until there is one.

use serde_json::json;

use super::page::{Page, html, large};
use super::*;
use crate::dispatch::CallError;

/// The last checkpoint and the events since bring another process to the same state.
#[tokio::test(start_paused = true)]
async fn a_state_outlives_its_process() {
    let server = Server::counter(Limits::default());
    let mut page = Page::load(&server).await;
    for number in 1..=40 {
        page.event(number, number - 1, "increment").await;
        assert_eq!(page.answer().await, (number, html(number as i64)));
    }
    let (at, checkpoint) = page.checkpoint.clone().unwrap();
    assert!((24..40).contains(&at), "{at}");
    let secret = page.secret.clone();
    let next = Server::counter(Limits::default());
    page.reconnect(&next).await;
    page.join(checkpoint, Some((&secret, 40))).await;
    assert_eq!(page.shown().await, (at, html(at as i64), false));
    for number in at + 1..=41 {
        page.event(number, number - 1, "increment").await;
        assert_eq!(page.answer().await, (number, html(number as i64)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_moment_is_used_for_a_checkpoint() {
    let server = Server::counter(Limits::default());
    let mut page = Page::load(&server).await;
    page.event(1, 0, "increment").await;
    assert_eq!(page.answer().await, (1, html(1)));
    let quiet = tokio::time::timeout(Duration::from_millis(300), page.next());
    assert!(quiet.await.is_err());
    assert_eq!(page.checkpoint.as_ref().map(|(number, _)| *number), Some(1));
    // Nothing is owed any more.
    page.checkpoint = None;
    let quiet = tokio::time::timeout(Duration::from_secs(100), page.next());
    assert!(quiet.await.is_err());
    assert_eq!(page.checkpoint, None);
}

#[tokio::test(start_paused = true)]
async fn an_older_checkpoint_rolls_no_living_state_back() {
    let server = Server::counter(Limits::default());
    let mut page = Page::load(&server).await;
    page.event(1, 0, "increment").await;
    assert_eq!(page.answer().await, (1, html(1)));
    let (_, old) = page.checkpoint.clone().unwrap();
    sleep(Duration::from_secs(1)).await;
    page.event(2, 1, "nothing").await;
    assert_eq!(page.answer().await, (2, String::new()));
    assert_eq!(page.checkpoint.as_ref().map(|(number, _)| *number), Some(1));
    page.reconnect(&server).await;
    page.join(old, None).await;
    assert_eq!(page.refused().await, "reload");
}

/// A page that has five events behind it, its checkpoint of event 1, and the newest one.
async fn with_an_old_checkpoint(server: &Arc<Server>) -> (Page, String, String) {
    let mut page = Page::load(server).await;
    let mut checkpoints = Vec::new();
    for number in 1..=5 {
        page.event(number, number - 1, "increment").await;
        assert_eq!(page.answer().await, (number, html(number as i64)));
        if [1, 5].contains(&number) {
            let quiet = tokio::time::timeout(Duration::from_secs(1), page.next());
            assert!(quiet.await.is_err());
            let (at, checkpoint) = page.checkpoint.clone().unwrap();
            assert_eq!(at, number);
            checkpoints.push(checkpoint);
        }
    }
    let [old, newest] = checkpoints.try_into().unwrap();
    (page, old, newest)
}

/// However a component has ended: while the process lives, the component does not start from an older
/// state.
#[tokio::test(start_paused = true)]
async fn an_older_checkpoint_starts_nothing_that_has_ended() {
    let endings = [
        "left",
        "replaced",
        "disconnected",
        "disconnected when parked",
        "waited too long",
        "gave way",
        "does not wait",
        "held too much",
        "not allowed to come back",
    ];
    for ending in endings {
        let limits = Limits {
            park_time: match ending {
                "does not wait" => Duration::ZERO,
                _ => Limits::default().park_time,
            },
            parked: match ending {
                "gave way" => 0,
                _ => 10,
            },
            ..Limits::default()
        };
        let server = match ending {
            "not allowed to come back" => Server::asking_of(
                Closures::new(|call| async move {
                    let joins = call.origin.map(|origin| origin.joins);
                    if joins == Some(Joins::Resume) {
                        return Err(CallError::Refused("no".into(), Refusal::Fault));
                    }
                    let count: i64 = call.props.to_json().parse().unwrap();
                    let count = count + i64::from(call.event.is_some());
                    Ok(crate::testing::shown(count, &["<b>", "</b>"]))
                }),
                limits,
            ),
            _ => Server::counter(limits),
        };
        let (mut page, old, newest) = with_an_old_checkpoint(&server).await;
        let secret = page.secret.clone();
        let session = server.sessions.get(secret.split_once('.').unwrap().0);
        let waits = async || sleep(Duration::from_millis(10)).await;
        match ending {
            "left" => page.client.send(r#"["l",1]"#).await,
            "replaced" => page.joins -= 1,
            "disconnected" => {
                assert_eq!(server.sessions.disconnect_matching(Some("user 7"), None), 1);
                assert_eq!(page.next().await, "closed 1008");
                page.reconnect(&server).await;
            }
            "disconnected when parked" => {
                page.reconnect(&server).await;
                waits().await;
                let parked = server.sessions.parked();
                assert_eq!(server.sessions.disconnect(&[parked[0].number]), 1);
            }
            "waited too long" => {
                page.reconnect(&server).await;
                sleep(Duration::from_secs(61)).await;
                page.reconnect(&server).await;
            }
            "held too much" => server.sessions.end(&session.unwrap()),
            "not allowed to come back" => {
                page.join(String::new(), Some((&secret, 5))).await;
                assert_eq!(page.next().await[0], "f");
            }
            _ => {
                page.reconnect(&server).await;
                waits().await;
            }
        }
        // Refused while the actor is still there, and after the actor is gone.
        for _ in 0..2 {
            page.join(old.clone(), None).await;
            let refused = page.next().await;
            let told = (&refused[0], &refused[3]);
            assert_eq!(told, (&json!("f"), &json!("reload")), "{ending}");
            waits().await;
        }
        assert_eq!(server.context.stats.components.get(), 0, "{ending}");
        page.join(newest.clone(), None).await;
        assert_eq!(page.shown().await, (5, html(5), false), "{ending}");
        page.join(old, None).await;
        assert_eq!(page.refused().await, "reload", "{ending}");
    }
}

/// A page that leaves, or joins anew, is refused an older checkpoint.
#[tokio::test(start_paused = true)]
async fn what_a_page_has_left_starts_from_no_older_state_even_without_a_newer_checkpoint() {
    for leaves in [true, false] {
        let server = Server::counter(Limits::default());
        let mut page = Page::load(&server).await;
        let quiet = tokio::time::timeout(Duration::from_millis(1), page.next());
        assert!(quiet.await.is_err());
        let (_, first) = page.checkpoint.clone().unwrap();
        for number in 1..=3 {
            page.event(number, number - 1, "increment").await;
            assert_eq!(page.answer().await, (number, html(number as i64)));
        }
        assert_eq!(page.checkpoint.as_ref().map(|(number, _)| *number), Some(0));
        match leaves {
            true => page.client.send(r#"["l",1]"#).await,
            false => page.joins -= 1,
        }
        page.join(first, None).await;
        assert_eq!(page.refused().await, "reload");
    }
}

/// A checkpoint that never left the server does not count: the page cannot come back with it.
#[tokio::test(start_paused = true)]
async fn a_page_comes_back_from_the_newest_checkpoint_that_can_have_reached_it() {
    let limits = Limits {
        park_time: Duration::from_secs(1),
        ..Limits::default()
    };
    let server = Server::counter(limits);
    let stream = server.dial(300, Vec::new(), extended_request(), user7());
    let mut page = Page::new(Client::over(server.clone(), stream).await);
    page.join(page.token.clone(), None).await;
    assert_eq!(page.shown().await, (0, html(0), false));
    while page.checkpoint.is_none() {
        let quiet = tokio::time::timeout(Duration::from_millis(1), page.next());
        assert!(quiet.await.is_err());
    }
    let (_, first) = page.checkpoint.clone().unwrap();
    // From here on the page reads nothing, and then its connection breaks.
    for number in 1..=40 {
        page.event(number, 0, "increment").await;
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(server.context.stats.events.get(), 40);
    page.reconnect(&server).await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(server.context.stats.components.get(), 0);
    page.join(first, None).await;
    assert_eq!(page.shown().await, (0, html(0), false));
}

/// A client of the classic dialect gets no checkpoints, but may have one of another client.
#[tokio::test(start_paused = true)]
async fn a_classic_client_rolls_nothing_back() {
    let server = Server::counter(Limits::default());
    let (page, old, newest) = with_an_old_checkpoint(&server).await;
    drop(page);
    sleep(Duration::from_secs(61)).await;
    let stream = server.dial(1 << 16, Vec::new(), UpgradeRequest::example(), user7());
    let mut client = Client::over(server.clone(), stream).await;
    let join = |id: &str, token: &str| {
        format!(r#"{{"type":"join","id":"{id}","module":"counter","token":"{token}"}}"#)
    };
    let refused = |id: &str| format!(r#"{{"type":"error","id":"{id}","error":"{GONE}"}}"#);
    client.send(&join("a", &old)).await;
    assert_eq!(client.next().await, refused("a"));
    client.send(&join("a", &newest)).await;
    assert_eq!(client.next().await, trees("a", 5));
    client.event("a", "increment").await;
    assert_eq!(client.next().await, patch("a", 6));
    for id in ["b", "a"] {
        client.send(&join(id, &newest)).await;
        assert_eq!(client.next().await, refused(id));
    }
    client.send(&join("a", &newest)).await;
    assert_eq!(client.next().await, refused("a"));
}

#[tokio::test(start_paused = true)]
async fn a_state_too_large_for_a_checkpoint_is_told() {
    let limits = Limits {
        checkpoint_bytes: 1,
        ..Limits::default()
    };
    let server = Server::counter(limits);
    let mut page = Page::load(&server).await;
    for number in 1..=9 {
        page.event(number, number - 1, "increment").await;
        page.answer().await;
    }
    sleep(Duration::from_secs(1)).await;
    // "9" fits, "10" does not.
    page.event(10, 9, "increment").await;
    page.answer().await;
    page.event(11, 10, "increment").await;
    page.answer().await;
    assert_eq!(page.checkpoint, None);
    let log = server.log.lock().unwrap();
    assert!(
        log.iter()
            .any(|(_, text)| text.contains("limits.checkpointBytes"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_closing_server_leaves_a_checkpoint() {
    let server = Server::counter(Limits::default());
    let mut page = Page::load(&server).await;
    page.event(1, 0, "increment").await;
    page.event(2, 0, "slow").await;
    assert_eq!(page.answer().await, (1, html(1)));
    server.context.closing.cancel();
    server.sessions.drain();
    assert_eq!(page.answer().await, (2, html(101)));
    assert_eq!(page.next().await, "closed 1012");
    assert_eq!(page.checkpoint.map(|(number, _)| number), Some(2));
    server.is_empty().await;
}

#[tokio::test(start_paused = true)]
async fn a_large_state_that_dies_before_its_first_checkpoint_keeps_its_name() {
    let start = || {
        let (dispatcher, ids) = large();
        (Server::new(dispatcher, Limits::default()), ids)
    };
    let (first, ids) = start();
    let mut page = Page::load_large(&first, Client::extended(&first, user7()).await).await;
    let mut twin = Page::new(Client::extended(&first, user7()).await);
    twin.token = page.token.clone();
    twin.join(twin.token.clone(), None).await;
    twin.shown().await;
    for page in [&mut page, &mut twin] {
        page.event(1, 0, "increment").await;
        assert_eq!(page.answer().await, (1, html(1)));
    }
    let before = ids.lock().unwrap().clone();
    assert_ne!(
        before[0].0, before[1].0,
        "each page has a component of its own"
    );
    // The process is gone, and its successor too.
    for _ in 0..2 {
        let (next, ids) = start();
        for page in [&mut page, &mut twin] {
            page.reconnect(&next).await;
            page.join(page.anchored(), None).await;
            assert_eq!(page.shown().await, (0, html(0), false));
            page.checkpoint = None;
            page.event(1, 1, "increment").await;
            assert_eq!(page.answer().await, (1, html(1)));
        }
        assert_eq!(*ids.lock().unwrap(), before);
    }
    // After a quiet moment there is a checkpoint, as always.
    let quiet = tokio::time::timeout(Duration::from_secs(20), twin.next());
    assert!(quiet.await.is_err());
    let (number, checkpoint) = twin.checkpoint.clone().unwrap();
    assert!(number == 1 && !checkpoint.starts_with('.'));
}

/// The last checkpoint may not have arrived, or was due while there was no connection.
#[tokio::test(start_paused = true)]
async fn a_page_that_resumes_gets_what_would_outlive_the_process() {
    let small = Server::counter(Limits::default());
    let large = Server::new(large().0, Limits::default());
    let page = Page::load_large(&large, Client::extended(&large, user7()).await).await;
    for (server, mut page, is_anchor) in [
        (&small, Page::load(&small).await, false),
        (&large, page, true),
    ] {
        page.resume(server, 0).await;
        assert_eq!(page.resumed().await, 0);
        page.checkpoint = None;
        let quiet = tokio::time::timeout(Duration::from_millis(10), page.next());
        assert!(quiet.await.is_err());
        let (number, sealed) = page.checkpoint.clone().unwrap();
        assert_eq!((number, sealed.starts_with('.')), (0, is_anchor));
    }
}

#[tokio::test(start_paused = true)]
async fn an_anchor_is_for_one_user_and_rolls_no_living_state_back() {
    let (dispatcher, _) = large();
    let server = Server::new(dispatcher, Limits::default());
    let mut page = Page::load_large(&server, Client::extended(&server, user7()).await).await;
    page.event(1, 0, "increment").await;
    assert_eq!(page.answer().await, (1, html(1)));
    let bare = page.checkpoint.clone().unwrap().1;
    let user8 = Peer {
        bind: "user 8".into(),
        ..user7()
    };
    for (peer, joins) in [
        (user7(), page.anchored()),
        (user8, page.anchored()),
        (user7(), bare[1..].to_owned()),
        (user7(), bare),
    ] {
        let mut other = Page::new(Client::extended(&server, peer).await);
        other.join(joins, None).await;
        assert_eq!(other.refused().await, "reload");
    }
    page.event(2, 1, "increment").await;
    assert_eq!(page.answer().await, (2, html(2)));
}

/// A state that is not small, and no quiet moment: checkpoints still come.
#[tokio::test(start_paused = true)]
async fn a_steady_stream_of_events_has_its_checkpoints() {
    let dispatcher = Closures::new(|call| async move {
        let mut outcome = crate::testing::shown(call.number.0 as i64, &["<b>", "</b>"]);
        let large = format!("[{},{:?}]", call.number, "x".repeat(3000));
        outcome.props = Some(Arc::new(Props::from_json(&large)));
        Ok(outcome)
    });
    let server = Server::new(dispatcher, Limits::default());
    let mut page = Page::load(&server).await;
    let mut last = 0;
    for number in 1..=100 {
        page.event(number, number - 1, "any").await;
        page.answer().await;
        if let Some((at, _)) = page.checkpoint.take() {
            assert!(number - last <= 50, "{last}, then {number}");
            assert!(at <= number);
            last = number;
        }
    }
    assert!(last > 60, "{last}");
}

/// The handler of one fails, one names no handler, and one is too old. Each is answered, and none is a revision.
#[tokio::test(start_paused = true)]
async fn an_event_that_was_not_handled_is_in_the_checkpoint_and_is_no_revision() {
    let server = Server::counter(Limits::default());
    let mut page = Page::load(&server).await;
    page.event(1, 0, "increment").await;
    assert_eq!(page.answer().await, (1, html(1)));
    page.event(2, 1, "no such handler").await;
    assert_eq!(page.next().await[0], "e");
    let old = json!(["e", page.joins, 3, 2, "increment", "click", {}, 3_600_000]);
    page.client.send(&old.to_string()).await;
    let expired = page.next().await;
    assert_eq!((&expired[0], &expired[4]), (&json!("e"), &json!(1)));
    let quiet = tokio::time::timeout(Duration::from_secs(1), page.next());
    assert!(quiet.await.is_err());
    let (number, checkpoint) = page.checkpoint.clone().unwrap();
    let opened = server
        .context
        .keyring
        .open(&checkpoint, "user 7", unix_now(), Duration::MAX);
    let Point { event, revision } = opened.unwrap().point;
    assert_eq!((number, event.0, revision.0), (3, 3, 1));
    // No such event is handled again either, if only the checkpoint is known.
    let next = Server::counter(Limits::default());
    page.reconnect(&next).await;
    page.join(checkpoint, None).await;
    assert_eq!(page.shown().await, (3, html(1), false));
    page.event(3, 3, "increment").await;
    page.event(4, 3, "increment").await;
    assert_eq!(page.answer().await, (4, html(2)));
}
