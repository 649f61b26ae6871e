//! A page comes back: what it resumes, which answers it is sent, and which pages may come back.

use serde_json::json;

use super::page::{Page, html};
use super::*;
use crate::dispatch::CallError;

#[tokio::test(start_paused = true)]
async fn a_page_goes_on_where_it_was_and_gets_what_it_missed() {
    let server = Server::counter(Limits::default());
    let mut page = Page::load(&server).await;
    page.event(1, 0, "increment").await;
    assert_eq!(page.answer().await, (1, html(1)));
    page.event(2, 1, "increment").await;
    page.event(3, 1, "increment").await;
    sleep(Duration::from_secs(1)).await;
    let secret = page.secret.clone();
    page.resume(&server, 1).await;
    assert_eq!(page.resumed().await, 3);
    assert_ne!(page.secret, secret);
    assert_eq!(page.answer().await, (2, html(2)));
    assert_eq!(page.answer().await, (3, html(3)));
    // The event was not answered: it is sent again, and not applied again.
    page.event(3, 3, "increment").await;
    page.event(4, 3, "increment").await;
    assert_eq!(page.answer().await, (4, html(4)));
    assert_eq!(server.context.stats.parked.get(), 0);
    assert_eq!(server.context.stats.components.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_was_running_goes_on_and_its_answer_waits() {
    let server = Server::counter(Limits::default());
    let mut page = Page::load(&server).await;
    page.event(1, 0, "slow").await;
    page.event(2, 0, "increment").await;
    sleep(Duration::from_secs(1)).await;
    page.reconnect(&server).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(server.context.stats.parked.get(), 1);
    let secret = page.secret.clone();
    page.join(String::new(), Some((&secret, 0))).await;
    assert_eq!(page.resumed().await, 0);
    page.event(1, 0, "slow").await;
    page.event(2, 0, "increment").await;
    assert_eq!(page.answer().await, (1, html(100)));
    assert_eq!(page.answer().await, (2, html(101)));
}

#[tokio::test(start_paused = true)]
async fn where_too_much_was_missed_the_tree_is_shown_anew() {
    let server = Server::counter(Limits::default());
    let mut page = Page::load(&server).await;
    for number in 1..=200 {
        page.event(number, 0, "increment").await;
        sleep(Duration::from_millis(1)).await;
    }
    page.resume(&server, 0).await;
    assert_eq!(page.shown().await, (200, html(200), false));
    page.event(201, 200, "increment").await;
    assert_eq!(page.answer().await, (201, html(201)));
}

#[tokio::test(start_paused = true)]
async fn a_resume_takes_over_from_a_connection_that_is_believed_alive() {
    let server = Server::counter(Limits::default());
    let mut page = Page::load(&server).await;
    let secret = page.secret.clone();
    let mut other = Client::extended(&server, user7()).await;
    std::mem::swap(&mut page.client, &mut other);
    page.join(String::new(), Some((&secret, 0))).await;
    assert_eq!(page.resumed().await, 0);
    // Late messages of the old connection have no effect.
    other.send(r#"["e",1,1,0,"increment","click"]"#).await;
    sleep(Duration::from_secs(1)).await;
    drop(other);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(server.context.stats.parked.get(), 0);
    page.event(1, 0, "increment").await;
    assert_eq!(page.answer().await, (1, html(1)));
}

/// The page comes back twice, and `authorize` has answered only for the first time.
#[tokio::test(start_paused = true)]
async fn nothing_is_shown_to_a_page_that_is_back_before_it_may() {
    for may in [true, false] {
        let asked = std::sync::atomic::AtomicU32::new(0);
        let server = Server::asking_of(
            Closures::new(move |call| {
                let origin = call.origin.map(|origin| origin.joins);
                let is_back = origin == Some(Joins::Resume);
                let time = match is_back {
                    true => asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1,
                    false => 0,
                };
                async move {
                    sleep(Duration::from_secs(time.into())).await;
                    if time > 1 && !may {
                        let no = CallError::Refused("no".into(), Refusal::Reload);
                        return Err(no);
                    }
                    // The component is rendered as another user sees it.
                    Ok(crate::testing::shown(time.min(1).into(), &["<b>", "</b>"]))
                }
            }),
            Limits::default(),
        );
        let mut page = Page::load(&server).await;
        page.resume(&server, 0).await;
        sleep(Duration::from_millis(10)).await;
        page.resume(&server, 0).await;
        sleep(Duration::from_millis(1500)).await;
        let early = tokio::time::timeout(Duration::from_millis(1), page.next());
        assert!(early.await.is_err(), "shown before it may");
        if may {
            assert_eq!(page.shown().await, (0, html(1), false));
        } else {
            assert_eq!(page.refused().await, "reload");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_connection_has_taken_over_takes_no_room_on_this_one() {
    let limits = Limits {
        components: 1,
        ..Limits::default()
    };
    let server = Server::counter(limits);
    let mut page = Page::load(&server).await;
    let mut other = Page::new(Client::extended(&server, user7()).await);
    other.join(String::new(), Some((&page.secret, 0))).await;
    assert_eq!(other.resumed().await, 0);
    page.join(page.token.clone(), None).await;
    assert_eq!(page.shown().await, (0, html(0), false));
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_good_until_the_next_one_has_arrived() {
    let server = Server::counter(Limits::default());
    let mut page = Page::load(&server).await;
    let first = page.secret.clone();
    // Three answers to a resume that never arrive.
    for _ in 0..3 {
        page.reconnect(&server).await;
        page.join(page.token.clone(), Some((&first, 0))).await;
        assert_eq!(page.resumed().await, 0);
    }
    let current = page.secret.clone();
    page.event(1, 0, "increment").await;
    assert_eq!(page.answer().await, (1, html(1)));
    page.reconnect(&server).await;
    page.join(page.token.clone(), Some((&first, 1))).await;
    assert_eq!(
        page.shown().await,
        (0, html(0), false),
        "a state of its own"
    );
    page.join(page.token.clone(), Some((&current, 1))).await;
    assert_eq!(page.resumed().await, 1);
}

#[tokio::test(start_paused = true)]
async fn only_its_own_page_resumes_a_component() {
    let server = Server::counter(Limits::default());
    let mut page = Page::load(&server).await;
    let secret = page.secret.clone();
    let (instance, _) = secret.split_once('.').unwrap();
    let guess = format!("{instance}.AAAAAAAAAAAAAAAAAAAAAA");
    page.reconnect(&server).await;
    for wrong in ["", ".", "x", &guess, &format!("{instance}."), &secret[..30]] {
        page.join(page.token.clone(), Some((wrong, 0))).await;
        assert_eq!(page.shown().await, (0, html(0), false), "{wrong}");
    }
    // Another user who has the secret.
    let peer = Peer {
        bind: "user 8".into(),
        ..user7()
    };
    page.client = Client::extended(&server, peer).await;
    page.join(page.token.clone(), Some((&secret, 0))).await;
    assert_eq!(page.refused().await, "reload");
}

#[tokio::test(start_paused = true)]
async fn a_component_waits_so_long_and_no_longer() {
    let server = Server::counter(Limits::default());
    let mut page = Page::load(&server).await;
    let secret = page.secret.clone();
    page.reconnect(&server).await;
    sleep(Duration::from_secs(59)).await;
    assert_eq!(server.context.stats.parked.get(), 1);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(server.context.stats.parked.get(), 0);
    assert_eq!(server.context.stats.components.get(), 0);
    page.reconnect(&server).await;
    page.join(page.token.clone(), Some((&secret, 0))).await;
    assert_eq!(page.shown().await, (0, html(0), false));
    assert_ne!(page.secret.split_once('.'), secret.split_once('.'));
}

#[tokio::test(start_paused = true)]
async fn whoever_has_most_waiting_gives_way() {
    let limits = Limits {
        parked: 3,
        ..Limits::default()
    };
    let server = Server::counter(limits);
    let peer = Peer {
        bind: "user 1".into(),
        ..user7()
    };
    let mut lone = Client::extended(&server, peer).await;
    let own = token(&server.context, "0", "user 1");
    lone.send(&format!(r#"["j",0,"counter","{own}"]"#)).await;
    sleep(Duration::from_millis(10)).await;
    drop(lone);
    for _ in 0..5 {
        drop(Page::load(&server).await);
    }
    sleep(Duration::from_secs(1)).await;
    assert_eq!(server.context.stats.parked.get(), 3);
    let left = server.sessions.parked();
    let of = |user: &str| left.iter().filter(|one| &*one.peer.bind == user).count();
    assert_eq!((of("user 1"), of("user 7")), (1, 2));
}

/// A component is weighed each time that its page leaves, and each time its whole weight is noted.
#[tokio::test(start_paused = true)]
async fn a_component_that_is_weighed_again_weighs_no_more() {
    let limits = Limits {
        parked_bytes: 4000,
        ..Limits::default()
    };
    let server = Server::counter(limits);
    let page = Page::load(&server).await;
    let (instance, _) = page.secret.split_once('.').unwrap();
    let session = server.sessions.get(instance).unwrap();
    drop(page);
    sleep(Duration::from_secs(1)).await;
    for _ in 0..3 {
        server.sessions.weighed(&session, 1000);
    }
    assert_eq!(server.context.stats.parked.get(), 1);
    server.sessions.weighed(&session, 3000);
    assert_eq!(server.context.stats.parked.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_disconnected_page_does_not_find_its_component_again() {
    let server = Server::counter(Limits::default());
    let mut page = Page::load(&server).await;
    let gone = Page::load(&server).await;
    drop(gone);
    sleep(Duration::from_secs(1)).await;
    let mut numbers: Vec<u64> = Vec::new();
    for one in server
        .sessions
        .connections()
        .iter()
        .chain(&server.sessions.parked())
    {
        assert_eq!(&*one.peer.bind, "user 7");
        numbers.push(one.number);
    }
    assert_eq!(server.sessions.disconnect(&numbers), 2);
    assert_eq!(page.next().await, "closed 1008");
    drop(page);
    server.is_empty().await;
}

/// The application looks at all connections, and at the user of each, before it says which ones it means.
#[tokio::test(start_paused = true)]
async fn a_page_that_leaves_while_it_is_disconnected_does_not_find_its_component_again() {
    let server = Server::counter(Limits::default());
    let page = Page::load(&server).await;
    let other = Page::load(&server).await;
    let connections = server.sessions.connections();
    let numbers: Vec<u64> = connections.iter().map(|one| one.number).collect();
    drop(page);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(server.context.stats.parked.get(), 1);
    assert_eq!(server.sessions.disconnect(&numbers), 2);
    assert_eq!(server.context.stats.parked.get(), 0);
    drop(other);
    server.is_empty().await;
}

/// The connections that a filter names end, with their parked sessions; all others stay.
#[tokio::test(start_paused = true)]
async fn a_filter_disconnects_whom_it_names_and_nobody_else() {
    let filters = [
        (Some("user 7"), None, [true, true, false, false]),
        (None, Some("10.0.0.7"), [true, false, true, false]),
        (
            Some("user 7"),
            Some("10.0.0.7"),
            [true, false, false, false],
        ),
        (Some("user 9"), None, [false; 4]),
        (Some(""), None, [false; 4]),
        (None, None, [false; 4]),
    ];
    for (bind, address, gone) in filters {
        let server = Server::counter(Limits::default());
        let mut pages = Vec::new();
        for (user, at) in [
            ("user 7", "10.0.0.7"),
            ("user 7", "10.0.0.8"),
            ("user 8", "10.0.0.7"),
            ("user 8", "10.0.0.8"),
        ] {
            let peer = || Peer {
                request: None,
                bind: user.into(),
                address: at.into(),
            };
            let load = async || {
                let mut page = Page::new(Client::extended(&server, peer()).await);
                page.token = token(&server.context, "0", user);
                page.join(page.token.clone(), None).await;
                page.shown().await;
                page
            };
            // One page is open, and another one is away.
            let (open, left) = (load().await, load().await);
            pages.push((open, left.secret.clone(), peer()));
        }
        sleep(Duration::from_secs(1)).await;
        let expected = 2 * gone.iter().filter(|gone| **gone).count();
        let count = server.sessions.disconnect_matching(bind, address);
        assert_eq!(count, expected, "{bind:?} {address:?}");
        for ((mut open, secret, peer), is_gone) in pages.into_iter().zip(gone) {
            if is_gone {
                assert_eq!(open.next().await, "closed 1008");
            } else {
                open.event(1, 0, "increment").await;
                assert_eq!(open.answer().await, (1, html(1)));
            }
            let token = open.token.clone();
            let mut back = Page::new(Client::extended(&server, peer).await);
            back.join(token, Some((&secret, 0))).await;
            match is_gone {
                // A state of its own.
                true => drop(back.shown().await),
                false => drop(back.resumed().await),
            }
        }
    }
}

/// The connection is lost, but the server does not know yet: its sessions are not parked later.
#[tokio::test(start_paused = true)]
async fn what_comes_of_a_connection_after_the_filter_is_not_parked() {
    let server = Server::counter(Limits::default());
    let page = Page::load(&server).await;
    drop(page);
    assert_eq!(server.sessions.disconnect_matching(Some("user 7"), None), 1);
    sleep(Duration::from_secs(1)).await;
    server.is_empty().await;
}

/// A page that does not show the last render any more goes on, on its connection.
#[tokio::test(start_paused = true)]
async fn a_page_that_asks_for_the_tree_is_shown_it_and_goes_on() {
    let server = Server::counter(Limits::default());
    let mut page = Page::load(&server).await;
    page.event(1, 0, "increment").await;
    assert_eq!(page.answer().await, (1, html(1)));
    page.joins += 1;
    let join = json!(["j", page.joins, "counter", "", page.secret, 1, 1, 0, 1]);
    page.client.send(&join.to_string()).await;
    assert_eq!(page.shown().await, (1, html(1), false));
    page.event(2, 1, "increment").await;
    assert_eq!(page.answer().await, (2, html(2)));
    assert_eq!(server.context.stats.components.get(), 1);
}

/// Failures are sent beside the tree: otherwise the client would take these events for applied.
#[tokio::test(start_paused = true)]
async fn failures_that_were_missed_come_before_the_tree() {
    let server = Server::counter(Limits::default());
    let mut page = Page::load(&server).await;
    for number in 1..=100 {
        let handler = if number % 40 == 0 { "no" } else { "increment" };
        page.event(number, 0, handler).await;
        sleep(Duration::from_millis(1)).await;
    }
    page.resume(&server, 0).await;
    for number in [40, 80] {
        let failure = page.next().await;
        assert_eq!((&failure[0], &failure[2]), (&json!("e"), &json!(number)));
    }
    assert_eq!(page.shown().await, (100, html(98), false));
}

/// A tree does not say that a form keeps the texts that the user has typed.
#[tokio::test(start_paused = true)]
async fn a_form_to_be_kept_is_said_before_its_answer_and_before_the_tree() {
    let server = Server::counter(Limits::default());
    let mut page = Page::load(&server).await;
    page.event(1, 0, "keep").await;
    assert_eq!(page.next().await, json!(["k", page.joins, 1]));
    assert_eq!(page.answer().await, (1, html(1)));
    for number in 2..=100 {
        let handler = if number == 2 { "keep" } else { "increment" };
        page.event(number, 1, handler).await;
        sleep(Duration::from_millis(1)).await;
    }
    page.resume(&server, 1).await;
    assert_eq!(page.next().await, json!(["k", page.joins, 2]));
    assert_eq!(page.shown().await, (100, html(100), false));
}

/// A tree does not say to which address an event has sent its page.
#[tokio::test(start_paused = true)]
async fn a_redirect_that_was_missed_comes_before_the_tree() {
    let server = Server::counter(Limits::default());
    let mut page = Page::load(&server).await;
    for number in 1..=100 {
        let handler = if number == 1 {
            "elsewhere"
        } else {
            "increment"
        };
        page.event(number, 0, handler).await;
        sleep(Duration::from_millis(1)).await;
    }
    page.resume(&server, 0).await;
    assert_eq!(page.next().await, json!(["r", "/next"]));
    assert_eq!(page.shown().await, (100, html(100), false));
    // Once is enough.
    page.resume(&server, 100).await;
    assert_eq!(page.resumed().await, 100);
}

/// Calls carry the request of the last connection, not of the first: a phone has another address now, and
/// its user has logged in again.
#[tokio::test(start_paused = true)]
async fn what_waits_for_its_page_belongs_to_the_connection_that_left_it() {
    let server = Server::counter(Limits::default());
    let mut page = Page::load(&server).await;
    let elsewhere = Peer {
        request: Some("{}".into()),
        address: "10.0.0.8".into(),
        ..user7()
    };
    page.client = Client::extended(&server, elsewhere.clone()).await;
    let secret = page.secret.clone();
    page.join(String::new(), Some((&secret, 0))).await;
    page.resumed().await;
    drop(page);
    sleep(Duration::from_secs(1)).await;
    let parked = server.sessions.parked();
    let [parked] = parked.as_slice() else {
        panic!("{} wait", parked.len());
    };
    assert_eq!(parked.peer.address, elsewhere.address);
    // The same text at the same place, not an equal one: calls are found by it.
    let request = parked.peer.request.as_ref().unwrap();
    assert!(Arc::ptr_eq(request, elsewhere.request.as_ref().unwrap()));
    let disconnect = |address| server.sessions.disconnect_matching(None, Some(address));
    assert_eq!(disconnect("10.0.0.7"), 0);
    assert_eq!(disconnect("10.0.0.8"), 1);
    server.is_empty().await;
}
