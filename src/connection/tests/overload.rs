//! Too much at once: floods, storms of joins, readers that are slow.

use serde_json::json;
use tokio::time::Instant;

use super::page::{Page, html};
use super::*;

#[tokio::test(start_paused = true)]
async fn floods_and_events_out_of_date_are_answered_with_errors() {
    let limits = Limits {
        event_rate: 1,
        event_burst: 2,
        ..Limits::default()
    };
    let server = Server::counter(limits);
    let mut page = Page::load(&server).await;
    for number in 1..=3 {
        page.event(number, 0, "increment").await;
    }
    assert_eq!(page.answer().await, (1, html(1)));
    assert_eq!(page.answer().await, (2, html(2)));
    let flood = page.next().await;
    assert_eq!((&flood[0], &flood[2]), (&json!("e"), &json!(3)));
    sleep(Duration::from_secs(5)).await;
    let late = json!(["e", page.joins, 4, 3, "increment", "click", {}, 61_000]);
    page.client.send(&late.to_string()).await;
    let expired = page.next().await;
    assert_eq!((&expired[2], &expired[4]), (&json!(4), &json!(1)));
    page.event(5, 4, "increment").await;
    assert_eq!(page.answer().await, (5, html(3)));
}

/// The page's clock was set back, or was never right: the click is handled, and no message counts as
/// invalid.
#[tokio::test(start_paused = true)]
async fn an_event_of_any_age_is_answered() {
    let limits = Limits {
        invalid_messages: 1,
        ..Limits::default()
    };
    let server = Server::counter(limits);
    let mut page = Page::load(&server).await;
    let mut number = 0;
    let mut count = 0;
    for (age, is_handled) in [
        ("-1000", true),
        ("-3600000.5", true),
        ("-1e400", true),
        ("null", true),
        ("59999.9", true),
        ("1e400", false),
        ("99999999999999999999", false),
    ] {
        number += 1;
        let component = page.joins;
        let seen = number - 1;
        let event = format!(r#"["e",{component},{number},{seen},"increment","click",{{}},{age}]"#);
        page.client.send(&event).await;
        if is_handled {
            count += 1;
            assert_eq!(page.answer().await, (number, html(count)), "{age}");
        } else {
            let expired = page.next().await;
            let told = (&expired[0], &expired[2], &expired[4]);
            assert_eq!(told, (&json!("e"), &json!(number), &json!(1)), "{age}");
        }
    }
}

/// A page that sends events again after a crash leaves out those that have failed: the numbers have gaps.
#[tokio::test(start_paused = true)]
async fn events_that_are_not_handled_are_all_among_those_that_the_answer_names() {
    let limits = Limits {
        event_rate: 1,
        event_burst: 1,
        ..Limits::default()
    };
    let server = Server::counter(limits);
    let mut page = Page::load(&server).await;
    for (number, handler) in [(1, "slow"), (4, "increment"), (7, "increment")] {
        page.event(number, 0, handler).await;
    }
    assert_eq!(page.answer().await, (1, html(100)));
    let flood = page.next().await;
    let (last, count) = (&flood[2], &flood[5]);
    assert_eq!(
        (&flood[0], last, count),
        (&json!("e"), &json!(7), &json!(4))
    );
    assert_eq!(server.context.stats.errors.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn connections_of_one_address_are_bounded() {
    let limits = Limits {
        connections_per_address: 2,
        ..Limits::default()
    };
    let server = Server::counter(limits);
    let first = Client::extended(&server, user7()).await;
    let _second = Client::extended(&server, user7()).await;
    let mut third = Client::extended(&server, user7()).await;
    assert_eq!(third.next().await, "closed 1013");
    let other = Peer {
        address: "10.0.0.8".into(),
        ..user7()
    };
    let mut fourth = Page::new(Client::extended(&server, other).await);
    fourth.join(fourth.token.clone(), None).await;
    assert_eq!(fourth.shown().await, (0, html(0), false));
    drop((first, third));
    sleep(Duration::from_secs(10)).await;
    Page::load(&server).await;
}

#[tokio::test(start_paused = true)]
async fn joins_wait_for_their_turn_and_not_too_many() {
    let limits = Limits {
        joins: 1,
        waiting_joins: 1,
        ..Limits::default()
    };
    let dispatcher = Closures::new(|_| async {
        sleep(Duration::from_secs(1)).await;
        Ok(crate::testing::shown(0, &["<b>", "</b>"]))
    });
    let server = Server::new(dispatcher, limits);
    let mut client = Client::extended(&server, user7()).await;
    let token = token(&server.context, "0", "user 7");
    for component in 0..3 {
        let join = format!(r#"["j",{component},"counter","{token}"]"#);
        client.send(&join).await;
    }
    let refused = client.next().await;
    assert!(refused.contains(r#"["f",2,"The server is busy.","busy"]"#));
    assert!(client.next().await.contains(r#"["j",0,"#));
    assert!(client.next().await.contains(r#"["j",1,"#));
}

/// A page comes back in each way: by a join, by a resume, and by a resume that asks `authorize`.
#[tokio::test(start_paused = true)]
async fn joins_and_resumes_come_at_a_rate_and_events_before_them() {
    for authorizes in [false, true] {
        let limits = Limits {
            join_rate: 1,
            join_burst: 2,
            waiting_joins: 2,
            ..Limits::default()
        };
        let server = match authorizes {
            true => Server::asking(limits),
            false => Server::counter(limits),
        };
        let mut one = Page::load(&server).await;
        let mut two = Page::load(&server).await;
        let start = Instant::now();
        let seconds = || start.elapsed().as_secs();
        // The burst is used up: this page waits for a second, and the next for two.
        two.resume(&server, 0).await;
        let mut three = Page::new(Client::extended(&server, user7()).await);
        three.join(three.token.clone(), None).await;
        let mut four = Page::new(Client::extended(&server, user7()).await);
        four.join(four.token.clone(), None).await;
        assert_eq!(four.refused().await, "busy");
        one.event(1, 0, "increment").await;
        assert_eq!(one.answer().await, (1, html(1)));
        assert_eq!(seconds(), 0);
        assert_eq!(two.resumed().await, 0);
        assert_eq!(seconds(), 1);
        assert_eq!(three.shown().await, (0, html(0), false));
        assert_eq!(seconds(), 2);
        two.event(1, 0, "increment").await;
        assert_eq!(two.answer().await, (1, html(1)));
        // The page that was refused finds its place later.
        four.join(four.token.clone(), None).await;
        assert_eq!(four.shown().await, (0, html(0), false));
        drop((one, two, three, four));
        server.is_empty().await;
    }
}

/// A page that is refused for now has lost nothing.
#[tokio::test(start_paused = true)]
async fn a_resume_that_finds_the_queue_full_resumes_later() {
    let limits = Limits {
        join_rate: 1,
        join_burst: 1,
        waiting_joins: 1,
        ..Limits::default()
    };
    let server = Server::counter(limits);
    let mut page = Page::load(&server).await;
    page.event(1, 0, "increment").await;
    assert_eq!(page.answer().await, (1, html(1)));
    let mut other = Page::new(Client::extended(&server, user7()).await);
    other.join(other.token.clone(), None).await;
    sleep(Duration::from_millis(1)).await;
    page.resume(&server, 1).await;
    assert_eq!(page.refused().await, "busy");
    assert_eq!(other.shown().await, (0, html(0), false));
    let secret = page.secret.clone();
    page.join(String::new(), Some((&secret, 1))).await;
    assert_eq!(page.resumed().await, 1);
}

/// If a connection breaks while its page waits, the page's place is free again, and nothing else is lost.
#[tokio::test(start_paused = true)]
async fn a_page_that_comes_back_twice_while_it_waits_goes_on_once() {
    let limits = Limits {
        join_rate: 1,
        join_burst: 1,
        ..Limits::default()
    };
    let server = Server::counter(limits);
    let mut page = Page::load(&server).await;
    page.event(1, 0, "increment").await;
    assert_eq!(page.answer().await, (1, html(1)));
    page.resume(&server, 0).await;
    sleep(Duration::from_millis(10)).await;
    page.resume(&server, 0).await;
    assert_eq!(page.resumed().await, 1);
    assert_eq!(page.answer().await, (1, html(1)));
    page.event(2, 1, "increment").await;
    assert_eq!(page.answer().await, (2, html(2)));
    drop(page);
    server.is_empty().await;
}

/// A page takes a turn when `authorize` is asked about it, and takes none while it waits for a handler.
#[tokio::test(start_paused = true)]
async fn a_page_that_is_back_while_a_handler_runs_takes_no_turn_from_others() {
    let limits = Limits {
        joins: 1,
        ..Limits::default()
    };
    let server = Server::asking(limits);
    let mut page = Page::load(&server).await;
    page.event(1, 0, "slow").await;
    sleep(Duration::from_millis(10)).await;
    page.resume(&server, 0).await;
    sleep(Duration::from_millis(10)).await;
    let other = tokio::time::timeout(Duration::from_secs(1), Page::load(&server));
    assert!(other.await.is_ok(), "it waits for another's handler");
    assert_eq!(page.resumed().await, 1);
    assert_eq!(page.answer().await, (1, html(100)));
}

#[tokio::test(start_paused = true)]
async fn joins_and_resumes_of_one_address_are_bounded() {
    let limits = Limits {
        join_rate_per_address: 1,
        join_burst_per_address: 2,
        ..Limits::default()
    };
    let server = Server::counter(limits);
    let mut page = Page::load(&server).await;
    page.resume(&server, 0).await;
    page.resumed().await;
    page.resume(&server, 0).await;
    assert_eq!(page.refused().await, "busy");
    // Clients with another address, or with no known one, do not share this rate.
    for address in ["10.0.0.8", "", "", ""] {
        let peer = Peer {
            address: address.into(),
            ..user7()
        };
        let mut other = Page::new(Client::extended(&server, peer).await);
        other.join(other.token.clone(), None).await;
        assert_eq!(other.shown().await, (0, html(0), false));
    }
    sleep(Duration::from_secs(1)).await;
    let secret = page.secret.clone();
    page.join(String::new(), Some((&secret, 0))).await;
    page.resumed().await;
}

#[tokio::test(start_paused = true)]
async fn events_of_one_address_are_bounded_together() {
    let limits = Limits {
        event_rate_per_address: 1,
        event_burst_per_address: 3,
        ..Limits::default()
    };
    let server = Server::counter(limits);
    let mut one = Page::load(&server).await;
    let mut two = Page::load(&server).await;
    let elsewhere = Peer {
        address: "10.0.0.8".into(),
        ..user7()
    };
    let mut other = Page::new(Client::extended(&server, elsewhere).await);
    other.join(other.token.clone(), None).await;
    other.shown().await;
    for number in [1, 2] {
        one.event(number, number - 1, "increment").await;
        assert_eq!(one.answer().await, (number, html(number as i64)));
    }
    two.event(1, 0, "increment").await;
    assert_eq!(two.answer().await, (1, html(1)));
    two.event(2, 1, "increment").await;
    let flood = two.next().await;
    assert_eq!((&flood[0], &flood[2]), (&json!("e"), &json!(2)));
    other.event(1, 0, "increment").await;
    assert_eq!(other.answer().await, (1, html(1)));
    // A client that leaves and comes back has the same rate as before.
    drop((one, two));
    sleep(Duration::from_millis(500)).await;
    let mut again = Page::load(&server).await;
    again.event(1, 0, "increment").await;
    let flood = again.next().await;
    assert_eq!((&flood[0], &flood[2]), (&json!("e"), &json!(1)));
    sleep(Duration::from_secs(1)).await;
    again.event(2, 1, "increment").await;
    assert_eq!(again.answer().await, (2, html(1)));
}

#[tokio::test(start_paused = true)]
async fn patches_for_a_slow_reader_are_merged_into_one() {
    let limits = Limits {
        outgoing_bytes: 200,
        ..Limits::default()
    };
    let server = Server::counter(limits);
    // A pipe that holds a few messages.
    let stream = server.dial(700, Vec::new(), extended_request(), user7());
    let mut page = Page::new(Client::over(server.clone(), stream).await);
    page.join(page.token.clone(), None).await;
    assert_eq!(page.shown().await, (0, html(0), false));
    for number in 1..=300 {
        let handler = if number == 290 { "no" } else { "increment" };
        page.event(number, 0, handler).await;
        sleep(Duration::from_millis(1)).await;
    }
    // The component went on all the time, and the outbox holds no more than its limit.
    assert_eq!(server.context.stats.events.get(), 299);
    assert!(server.context.budget.waiting() < 1000);
    let (mut last, mut revision) = (0, 0);
    let mut answers = 0;
    let mut failed = Vec::new();
    while last < 300 {
        let message = page.next().await;
        if message[0] == "e" {
            failed.push(message[2].as_u64().unwrap());
            continue;
        }
        assert_eq!(message[0], page.joins, "{message}");
        answers += 1;
        revision = page.named.take().unwrap_or(revision + 1);
        last = message[1].as_u64().unwrap();
        if last == 300 {
            assert_eq!(revision, 299, "a merged answer says how far it goes");
            assert_eq!(message[3]["h"], html(299));
        }
    }
    assert!(answers < 100, "{answers}");
    assert_eq!(failed, [290]);
    // From there it goes on as ever.
    page.event(301, 300, "increment").await;
    assert_eq!(page.answer().await, (301, html(300)));
}

#[tokio::test(start_paused = true)]
async fn where_too_much_waits_whoever_holds_most_gives_way() {
    let limits = Limits {
        waiting_bytes: 4000,
        ..Limits::default()
    };
    let server = Server::counter(limits);
    let mut modest = Page::load(&server).await;
    let peer = Peer {
        bind: "user 8".into(),
        ..user7()
    };
    let mut greedy = Client::extended(&server, peer).await;
    let own = token(&server.context, "0", "user 8");
    greedy.send(&format!(r#"["j",0,"counter","{own}"]"#)).await;
    sleep(Duration::from_millis(10)).await;
    modest.event(1, 0, "slow").await;
    modest.event(2, 0, "increment").await;
    for number in 1..=50 {
        let text = "x".repeat(200);
        greedy
            .send(&format!(
                r#"["e",0,{number},0,"slow","click",{{"v":"{text}"}}]"#
            ))
            .await;
    }
    assert_eq!(modest.answer().await, (1, html(100)));
    assert_eq!(modest.answer().await, (2, html(101)));
    sleep(Duration::from_secs(1)).await;
    assert!(!server.context.budget.is_exceeded());
    assert_eq!(server.context.stats.components.get(), 1);
    // The component's events get no answers any more, so the page has to know.
    let mut said = greedy.next().await;
    while said.starts_with('[') {
        said = greedy.next().await;
    }
    assert_eq!(said, "closed 1013");
}
