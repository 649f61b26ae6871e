//! A client can make the server hold, do and log only so much.

use serde_json::json;

use super::page::Page;
use super::*;
use crate::budget::Budget;
use crate::dispatch::Outcome;
use crate::testing::shown;

/// A frame of a client, with the mask 0.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | kind];
    match u16::try_from(payload.len()) {
        Ok(size) if size < 126 => frame.push(0x80 | size as u8),
        Ok(size) => {
            frame.push(0xfe);
            frame.extend_from_slice(&size.to_be_bytes());
        }
        Err(_) => {
            frame.push(0xff);
            frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

const PIPE: usize = 4096;

/// How many bytes of these messages the server takes from a client that reads nothing.
async fn taken(server: &Arc<Server>, message: &[u8], most: usize) -> usize {
    let mut pipe = server.dial(PIPE, Vec::new(), extended_request(), user7());
    response(&mut pipe).await;
    let mut count = 0;
    while count < most {
        let written = tokio::time::timeout(Duration::from_secs(1), pipe.write_all(message)).await;
        if !matches!(written, Ok(Ok(()))) {
            break;
        }
        count += message.len();
    }
    // The connection is not closed yet.
    assert_eq!(server.context.stats.connections.get(), 1);
    count
}

#[tokio::test(start_paused = true)]
async fn a_client_that_pings_and_does_not_read_makes_the_server_hold_little() {
    let server = Server::counter(Limits::default());
    let ping = frame(9, &[b'x'; 125]);
    // The pipes of both directions, and what the library may hold unwritten.
    let most = 2 * PIPE + 3 * 16 * 1024;
    let count = taken(&server, &ping, 1 << 22).await;
    assert!(count <= most, "{count}");
    // In the end the client's connection is closed, as for any client that does not read.
    sleep(Duration::from_secs(120)).await;
    server.is_empty().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_gets_the_newest_pong() {
    let server = Server::counter(Limits::default());
    let mut client = Client::extended(&server, user7()).await;
    for number in 0..1000_u16 {
        let ping = frame(9, &number.to_be_bytes());
        client.socket.get_mut().write_all(&ping).await.unwrap();
    }
    loop {
        let Some(Ok(Message::Pong(data))) = client.socket.next().await else {
            panic!("a pong");
        };
        if data == 999_u16.to_be_bytes().as_slice() {
            break;
        }
    }
}

/// The answers to joins, and the answers to events that fail.
#[tokio::test(start_paused = true)]
async fn a_client_that_asks_and_does_not_read_makes_the_server_hold_little() {
    for text in [
        r#"["j",0,"nothing","t"]"#,
        r#"["j",0,"counter","t"]"#,
        r#"["j",0,"counter","t","abc.def",0,0,0]"#,
    ] {
        let limits = Limits {
            outgoing_bytes: 10_000,
            join_rate_per_address: 1_000_000,
            join_burst_per_address: 1_000_000,
            ..Limits::default()
        };
        let server = Server::counter(limits);
        let count = taken(&server, &frame(1, text.as_bytes()), 1 << 22).await;
        assert!(count < 1 << 20, "{text}: {count}");
        let waiting = server.context.budget.waiting();
        assert!(waiting <= 20_000 + 200, "{text}: {waiting}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_not_whole_has_so_much_time() {
    let server = Server::counter(Limits::default());
    let mut page = Page::load(&server).await;
    let half = frame(1, &[b' '; 1000]);
    let start = tokio::time::Instant::now();
    let pipe = page.client.socket.get_mut();
    for byte in &half[..500] {
        // A sign of life, and no more.
        if pipe.write_all(&[*byte]).await.is_err() {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(page.next().await, "closed 1008");
    assert!(start.elapsed() >= Duration::from_secs(60));
    drop(page);
    sleep(Duration::from_secs(120)).await;
    server.is_empty().await;
    assert_eq!(server.context.budget.waiting(), 0);
}

/// Pings between its fragments, which are signs of life, give it no more time.
#[tokio::test(start_paused = true)]
async fn a_fragmented_message_has_no_more_time() {
    let server = Server::counter(Limits::default());
    let mut client = Client::extended(&server, user7()).await;
    let pipe = client.socket.get_mut();
    pipe.write_all(&[0x01, 0x81, 0, 0, 0, 0, b'['])
        .await
        .unwrap();
    for _ in 0..50 {
        if pipe.write_all(&frame(9, b"x")).await.is_err() {
            break;
        }
        sleep(Duration::from_secs(2)).await;
    }
    assert_eq!(client.next().await, "closed 1008");
}

#[tokio::test(start_paused = true)]
async fn half_messages_count_and_whoever_holds_most_gives_way() {
    let limits = Limits {
        waiting_bytes: 100_000,
        ..Limits::default()
    };
    let server = Server::counter(limits);
    let mut innocent = Page::load(&server).await;
    let mut halves = Vec::new();
    for number in 0..5 {
        let peer = Peer {
            address: format!("2001:db8::{number}").into(),
            ..Peer::default()
        };
        let mut client = Client::extended(&server, peer).await;
        let half = frame(1, &[b' '; 50_000]);
        client
            .socket
            .get_mut()
            .write_all(&half[..30_000])
            .await
            .unwrap();
        sleep(Duration::from_millis(100)).await;
        halves.push(client);
    }
    // A message of less than that goes on.
    let whole = frame(1, br#"["e",1,1,0,"increment","click"]"#);
    let (begin, end) = whole.split_at(20);
    let pipe = innocent.client.socket.get_mut();
    pipe.write_all(begin).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert!(!server.context.budget.is_exceeded());
    assert!(server.context.budget.waiting() >= 10);
    let pipe = innocent.client.socket.get_mut();
    pipe.write_all(end).await.unwrap();
    assert_eq!(innocent.answer().await, (1, "<b>1</b>".into()));
    let mut closed = 0;
    for client in &mut halves {
        let said = tokio::time::timeout(Duration::from_secs(1), client.next()).await;
        closed += usize::from(said.is_ok_and(|said| said == "closed 1013"));
    }
    // All of them are one address.
    assert!(closed >= 3, "{closed}");
}

#[tokio::test(start_paused = true)]
async fn whoever_sends_much_is_read_from_slowly_and_loses_nothing() {
    let limits = Limits {
        message_bytes_rate: 1000,
        message_bytes_burst: 2000,
        ..Limits::default()
    };
    let server = Server::counter(limits);
    let mut page = Page::load(&server).await;
    let start = tokio::time::Instant::now();
    for number in 1..=10 {
        let value = "x".repeat(1000);
        let event = json!(["e", 1, number, 0, "increment", "click", {"v": value}]);
        page.client.send(&event.to_string()).await;
    }
    for number in 1..=10 {
        assert_eq!(page.answer().await.0, number);
    }
    let seconds = start.elapsed().as_secs();
    assert!((7..=9).contains(&seconds), "{seconds}");
}

/// A connection that has sent little does not wait for the other connections of its address.
#[tokio::test(start_paused = true)]
async fn bytes_of_one_address_are_bounded_together() {
    let limits = Limits {
        message_bytes_rate_per_address: 100_000,
        message_bytes_burst_per_address: 100_000,
        ..Limits::default()
    };
    let server = Server::counter(limits);
    let mut innocent = Page::load(&server).await;
    let start = tokio::time::Instant::now();
    let mut many = Vec::new();
    for _ in 0..5 {
        let mut page = Page::load(&server).await;
        for number in 1..=2 {
            let value = "x".repeat(100_000);
            let event = json!(["e", 1, number, 0, "increment", "click", {"v": value}]);
            page.client.send(&event.to_string()).await;
        }
        many.push(page);
    }
    let before = start.elapsed();
    innocent.event(1, 0, "increment").await;
    assert_eq!(innocent.answer().await.0, 1);
    assert_eq!((start.elapsed() - before).as_secs(), 0);
    for page in &mut many {
        assert_eq!(page.answer().await.0, 1);
        assert_eq!(page.answer().await.0, 2);
    }
    assert!(start.elapsed().as_secs() >= 4, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_join_that_replaces_one_of_the_same_number_costs_its_rate() {
    for address in ["10.0.0.7", ""] {
        let limits = Limits {
            joins: 1,
            join_rate_per_address: 1,
            join_burst_per_address: 5,
            ..Limits::default()
        };
        let dispatcher = Closures::new(|_| std::future::pending());
        let server = Server::new(dispatcher, limits);
        let peer = Peer {
            address: address.into(),
            ..user7()
        };
        let mut page = Page::new(Client::extended(&server, peer).await);
        for _ in 0..100 {
            page.joins = 0;
            page.join(page.token.clone(), None).await;
        }
        for _ in 0..95 {
            assert_eq!(page.refused().await, "busy");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_leaves_the_queue_with_its_connection() {
    let limits = Limits {
        joins: 1,
        ..Limits::default()
    };
    let dispatcher = Closures::new(|call| async move {
        sleep(Duration::from_secs(1)).await;
        Ok(shown(
            call.props.to_json().parse().unwrap(),
            &["<b>", "</b>"],
        ))
    });
    let server = Server::new(dispatcher, limits);
    let mut first = Page::new(Client::extended(&server, user7()).await);
    first.join(first.token.clone(), None).await;
    let mut greedy = Page::new(Client::extended(&server, user7()).await);
    for _ in 0..50 {
        greedy.join(greedy.token.clone(), None).await;
    }
    sleep(Duration::from_millis(10)).await;
    assert_eq!(server.context.stats.components.get(), 51);
    drop(greedy);
    sleep(Duration::from_millis(10)).await;
    assert_eq!(server.context.stats.components.get(), 1);
    assert_eq!(server.context.stats.parked.get(), 0);
    assert_eq!(first.shown().await, (0, "<b>0</b>".into(), false));
}

/// An `authorize` that asks a database.
#[tokio::test(start_paused = true)]
async fn a_join_that_waits_for_a_promise_holds_up_no_other() {
    let limits = Limits {
        joins: 1,
        ..Limits::default()
    };
    let dispatcher = Closures::new(|call| async move {
        if call.props.to_json() == "1" {
            call.yields.unwrap().now();
            sleep(Duration::from_secs(10)).await;
        }
        Ok::<Outcome, _>(shown(0, &["<b>", "</b>"]))
    });
    let server = Server::new(dispatcher, limits);
    let mut slow = Page::new(Client::extended(&server, user7()).await);
    let waits = token(&server.context, "1", "user 7");
    for _ in 0..20 {
        slow.join(waits.clone(), None).await;
    }
    let peer = Peer {
        address: "10.0.0.8".into(),
        ..user7()
    };
    let mut quick = Page::new(Client::extended(&server, peer).await);
    let start = tokio::time::Instant::now();
    quick.join(quick.token.clone(), None).await;
    assert_eq!(quick.shown().await, (0, "<b>0</b>".into(), false));
    assert_eq!(start.elapsed().as_secs(), 0);
    for _ in 0..20 {
        slow.shown().await;
    }
    assert!(start.elapsed().as_secs() <= 11, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn events_with_long_names_are_answered_and_not_told() {
    let server = Server::counter(Limits::default());
    let mut page = Page::load(&server).await;
    let name = "x".repeat(100_000);
    let most = server.context.limits.invalid_messages as u64;
    for number in 1..=most {
        page.event(number, number - 1, &name).await;
        let answer = page.next().await.to_string();
        let start = format!(r#"["e",{},{number},"#, page.joins);
        assert!(answer.starts_with(&start), "{answer}");
        assert!(
            answer.contains("too long") && answer.len() < 200,
            "{answer}"
        );
    }
    page.event(most + 1, most, "increment").await;
    let answer = page.next().await;
    assert_eq!(
        (&answer[0], &answer[1]),
        (&json!(page.joins), &json!(most + 1))
    );
    assert!(server.log.lock().unwrap().is_empty());
    page.event(most + 2, most + 1, &name).await;
    assert_eq!(page.next().await, "closed 1008");
    let log = server.log.lock().unwrap();
    assert!(log.len() == 1 && log[0].1.len() < 200, "{log:?}");
}

/// For each thing that a client asks for there is one short line, without a character that a terminal
/// obeys, and the number of lines is bounded.
#[tokio::test(start_paused = true)]
async fn the_log_is_bounded_and_plain() {
    let server = Server::counter(Limits::default());
    let stream = server.dial(1 << 16, Vec::new(), UpgradeRequest::example(), user7());
    let mut client = Client::over(server.clone(), stream).await;
    let (id, name) = ("\u{1b}[2J\n".repeat(20), "\u{1b}]0;x\u{7}".repeat(30));
    let own = token(&server.context, "0", "user 7");
    let join = json!({"type": "join", "id": id, "module": "counter", "token": own});
    client.send(&join.to_string()).await;
    client.next().await;
    for number in 0..300 {
        let event = json!({"type": "event", "id": id, "handler": name, "event": "click"});
        client.send(&event.to_string()).await;
        client.next().await;
        let module = format!("{name}{number}");
        let other = format!("{id}x");
        let join = json!({"type": "join", "id": other, "module": module, "token": own});
        client.send(&join.to_string()).await;
        client.next().await;
    }
    let log = server.log.lock().unwrap().clone();
    assert_eq!(log.len(), 2 * 60);
    for (_, line) in &log {
        assert!(line.len() < 1000, "{line:?}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert!(line.matches("u{1b}]0;x").count() < 20, "{line:?}");
    }
    sleep(Duration::from_secs(61)).await;
    let log = server.log.lock().unwrap().clone();
    let said = log.iter().filter(|(_, line)| line.starts_with("240 lines"));
    assert_eq!(said.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_ipv6_network_counts_as_one_address() {
    let limits = Limits {
        connections_per_address: 2,
        ..Limits::default()
    };
    let server = Server::counter(limits);
    let peer = |address: &str| Peer {
        address: address.into(),
        ..Peer::default()
    };
    let _one = Client::extended(&server, peer("2001:db8::1")).await;
    let _two = Client::extended(&server, peer("2001:db8::2")).await;
    let mut three = Client::extended(&server, peer("2001:db8:0:0:ffff::3")).await;
    assert_eq!(three.next().await, "closed 1013");
    let _other = Client::extended(&server, peer("2001:db8:0:1::1")).await;
    let _v4 = Client::extended(&server, peer("::ffff:10.0.0.7")).await;
    let _same = Client::extended(&server, peer("10.0.0.7")).await;
    let mut third = Client::extended(&server, peer("10.0.0.7")).await;
    assert_eq!(third.next().await, "closed 1013");
}

/// A small token may start a component that renders much.
#[tokio::test(start_paused = true)]
async fn components_of_one_address_hold_so_many_bytes_and_the_newest_gives_way() {
    for (in_all, of_one) in [(1 << 30, 1 << 20), (1 << 20, 1 << 30)] {
        let limits = Limits {
            component_bytes: in_all,
            component_bytes_per_address: of_one,
            ..Limits::default()
        };
        let server = Server::new(super::showing("y".repeat(100_000)), limits);
        let mut innocent = Page::new(Client::extended(&server, user7()).await);
        innocent.join(innocent.token.clone(), None).await;
        innocent.shown().await;
        let greedy = Peer {
            address: "10.0.0.8".into(),
            ..user7()
        };
        let mut greedy = Page::new(Client::extended(&server, greedy).await);
        for _ in 0..20 {
            greedy.join(greedy.token.clone(), None).await;
        }
        sleep(Duration::from_secs(1)).await;
        let held = server.sessions.holdings.bytes();
        assert!((800_000..=1_200_000).contains(&held), "{held}");
        let mut refused = 0;
        let mut shown = 0;
        while refused + shown < 30 {
            let next = tokio::time::timeout(Duration::from_secs(1), greedy.next()).await;
            let Ok(message) = next else { break };
            refused += usize::from(message[0] == "f" && message[3] == "busy");
            shown += usize::from(message[0] == "j");
        }
        assert!(refused >= 10, "{refused} of {shown}");
        // Components of other addresses go on.
        innocent.event(1, 0, "increment").await;
        assert_eq!(innocent.answer().await.0, 1);
        drop((innocent, greedy));
        sleep(Duration::from_secs(120)).await;
        server.is_empty().await;
        assert_eq!(server.sessions.holdings.bytes(), 0);
    }
}

/// A component is weighed again when it has grown.
#[tokio::test(start_paused = true)]
async fn a_component_that_grows_counts_as_what_it_has_become() {
    let dispatcher = Closures::new(|call| async move {
        let text = "x".repeat(if call.number.0 < 100 { 10 } else { 200_000 });
        let tree = crate::tree::testing::text_tree(&["<b>", "</b>"], &[&text]);
        let mut outcome = shown(0, &["<b>", "</b>"]);
        outcome.render = Some(tree.into());
        Ok(outcome)
    });
    let server = Server::new(dispatcher, Limits::default());
    let mut page = Page::new(Client::extended(&server, user7()).await);
    page.join(page.token.clone(), None).await;
    page.next().await;
    let mut held = Vec::new();
    for number in 1..=130 {
        page.event(number, number - 1, "increment").await;
        page.next().await;
        held.push(server.sessions.holdings.bytes());
    }
    assert!(held[90] < 10_000, "{held:?}");
    assert!(held[129] > 200_000, "{held:?}");
}

/// A message of a few bytes takes more room than that while it waits.
#[tokio::test(start_paused = true)]
async fn messages_that_wait_count_with_the_room_that_they_take() {
    let budget = Arc::new(Budget::new(usize::MAX));
    let outbox = Outbox::new(1 << 20, budget.clone(), Dialect::Classic);
    outbox.attach(1);
    for _ in 0..1000 {
        outbox.push(1, "[0,1]".into());
        outbox.push(CONNECTION, "[0,1]".into());
    }
    // Each message is a text of its own, and takes a place in the queue.
    let least = 2000 * (5 + size_of::<String>() + size_of::<u64>());
    assert!(budget.waiting() >= least, "{} bytes", budget.waiting());
    assert_eq!(outbox.bytes(), budget.waiting());
    outbox.detach(1, true);
    assert!((least / 2..least).contains(&budget.waiting()));
    // The socket has made one text of them.
    let mut texts = 0;
    let bytes = outbox.take(|_| texts += 1);
    assert_eq!((texts, bytes), (1000, 5000));
    assert_eq!(budget.waiting(), 5000);
    outbox.written(bytes);
    assert_eq!((budget.waiting(), outbox.bytes()), (0, 0));
    outbox.push(CONNECTION, "[0,1]".into());
    let bytes = outbox.take(drop);
    assert_eq!((bytes, budget.waiting()), (5, 5));
    outbox.push(CONNECTION, "[0,1]".into());
    outbox.close();
    assert_eq!((budget.waiting(), outbox.bytes()), (0, 0));
}

/// As from a thousand machines: each holder has little, and all of them together have too much. Holders are
/// ended faster than new ones could come, and only as many as necessary.
#[tokio::test(start_paused = true)]
async fn as_many_holders_give_way_as_hold_too_much_together() {
    let limits = Limits {
        waiting_bytes: 100_000,
        ..Limits::default()
    };
    let server = Server::counter(limits);
    let mut clients = Vec::new();
    for number in 0..400 {
        let peer = Peer {
            address: format!("10.0.{}.{}", number / 200, number % 200).into(),
            ..Peer::default()
        };
        clients.push(Client::extended(&server, peer).await);
    }
    let half = frame(1, &[b' '; 50_000]);
    for client in &mut clients {
        let pipe = client.socket.get_mut();
        pipe.write_all(&half[..1000]).await.unwrap();
    }
    sleep(Duration::from_millis(100)).await;
    let waiting = server.context.budget.waiting();
    assert!((80_000..=100_000).contains(&waiting), "{waiting} bytes");
}

/// If no holder is left to end, other tasks still have their turn.
#[tokio::test(start_paused = true)]
async fn what_nobody_holds_any_more_makes_nobody_wait() {
    let server = Server::counter(Limits::default());
    server.context.budget.take(usize::MAX / 2);
    sleep(Duration::from_secs(1)).await;
    server.context.budget.give(usize::MAX / 2);
    let mut page = Page::load(&server).await;
    page.event(1, 0, "increment").await;
    assert_eq!(page.answer().await, (1, "<b>1</b>".into()));
}

/// A page does not say why its connection was closed, so the operator has to be told. A flood of such
/// connections writes no more lines than any other flood.
#[tokio::test(start_paused = true)]
async fn what_closes_a_connection_for_its_clients_messages_is_logged_and_not_too_often() {
    let many = Limits::default().invalid_messages + 1;
    let slow = frame(1, &[b' '; 100])[..50].to_vec();
    for (sent, expected) in [
        (
            frame(1, &[b'x'; 1001]),
            "1009): a message is larger than limits.messageBytes",
        ),
        (
            frame(1, &[0xff, 0xfe]),
            "1007): a text message is not UTF-8",
        ),
        (
            frame(0x3, b"x"),
            "1002): the client breaks the WebSocket protocol",
        ),
        (
            frame(1, b"{").repeat(many),
            "1008): more than limits.invalidMessages",
        ),
        (
            slow,
            "1008): a message was not whole after limits.messageTime",
        ),
    ] {
        let server = Server::counter(Limits {
            message_bytes: 1000,
            message_time: Duration::from_secs(1),
            ..Limits::default()
        });
        let close = || async {
            let mut pipe = server.dial(PIPE, Vec::new(), extended_request(), user7());
            response(&mut pipe).await;
            pipe.write_all(&sent).await.unwrap();
            let mut said = Vec::new();
            let closed = tokio::time::timeout(Duration::from_secs(4), async {
                while !said.contains(&0x88) {
                    said.push(pipe.read_u8().await.unwrap());
                }
            });
            closed.await.unwrap();
        };
        for _ in 0..200 {
            close().await;
            sleep(Duration::from_millis(10)).await;
        }
        let lines = server.log.lock().unwrap().clone();
        let (level, line) = &lines[0];
        assert_eq!(*level, Level::Warn);
        let line = line.strip_prefix("a connection of \"10.0.0.7\" was closed (");
        assert!(
            line.is_some_and(|line| line.starts_with(expected)),
            "{lines:?}"
        );
        // Some take more than a minute in all.
        assert!(lines.len() <= 60 * 5, "{} lines", lines.len());
        if expected.starts_with("1009") {
            assert_eq!(lines.len(), 60);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn too_many_connections_of_an_address_are_logged() {
    let limits = Limits {
        connections_per_address: 1,
        ..Limits::default()
    };
    let server = Server::counter(limits);
    let _first = Client::extended(&server, user7()).await;
    let mut second = Client::extended(&server, user7()).await;
    assert_eq!(second.next().await, "closed 1013");
    let lines = server.log.lock().unwrap().clone();
    let expected = "a connection of \"10.0.0.7\" was closed (1013): its address has more than \
                    limits.connectionsPerAddress (1)";
    assert_eq!(lines, [(Level::Warn, expected.to_owned())]);
}

/// For a page that never says what it has seen, the component's answers are kept. Their memory counts as
/// that of props and trees does, and may be far more.
#[tokio::test(start_paused = true)]
async fn answers_that_are_kept_for_a_page_count_as_what_its_component_holds() {
    let limits = Limits {
        component_bytes_per_address: 200_000,
        event_rate: 1_000_000,
        event_burst: 1_000_000,
        ..Limits::default()
    };
    let server = Server::counter(limits);
    let held = || server.sessions.holdings.bytes();
    let mut page = Page::load(&server).await;
    let before = held();
    for number in 1..=300 {
        page.event(number, 0, "no such handler").await;
        assert_eq!(page.next().await[0], "e");
    }
    // 256 of them, each with a text of 40 bytes.
    let kept = held() - before;
    assert!((256 * 100..100_000).contains(&kept), "{kept} bytes");
    // The memory of answers that the page has seen is given back.
    page.event(301, 300, "no such handler").await;
    page.next().await;
    assert!(held() < before + 8192, "{} bytes", held() - before);
    // The memory of the others is bounded, as all memory of components is.
    for join in 0..10 {
        let token = page.token.clone();
        page.join(token, None).await;
        let mut answered = false;
        for number in 1..=300 {
            page.event(number, 0, "no such handler").await;
        }
        while let Ok(message) = tokio::time::timeout(Duration::from_secs(1), page.next()).await {
            answered |= message[0] == "f" && message[3] == "busy";
        }
        assert!(answered || join < 9, "nothing gave way");
        assert!(held() <= 200_000, "{} bytes", held());
    }
}
