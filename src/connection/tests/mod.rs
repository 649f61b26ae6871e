//! A connection's promises, over an in-memory pipe and with a Rust closure as the dispatcher.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::refused::GONE;
use super::*;
use crate::clock::unix_now;
use crate::dispatch::Joins;
use crate::ids::{Life, Point, Revision};
use crate::limits::Limits;
use crate::live_socket::{LiveSocket, Start};
use crate::outbox::CONNECTION;
use crate::props::Props;
use crate::protocol::Refusal;
use crate::registry::{Details, Registry};
use crate::session::{About, Back, Link, Session};
use crate::sessions::to_page::ToPage;
use crate::store::Store;
use crate::testing::{
    Closures, Log, application, dial, extended_request, messages, response, token, upgraded,
};
use crate::token::{Claims, Kind};

mod checkpoints;
mod faults;
mod floods;
mod from_server;
mod overload;
mod page;
mod resume;
mod shared;
mod store;
mod yielding;

use page::Page;

/// A message at which a connection panics.
pub(super) const PANIC: &str = "a planted panic";

/// One process: what its connections share.
struct Server {
    context: Shared<Closures>,
    sessions: Arc<Sessions>,
    log: Log,
}

impl Server {
    fn of(context: Shared<Closures>, log: Log) -> Arc<Self> {
        let sessions = Sessions::new(
            &context.limits,
            context.stats.clone(),
            context.budget.clone(),
        );
        Arc::new(Self {
            context,
            sessions,
            log,
        })
    }

    fn new(dispatcher: Closures, limits: Limits) -> Arc<Self> {
        let (context, log) = application(dispatcher, limits);
        Self::of(context, log)
    }

    fn with_store(dispatcher: Closures, limits: Limits, store: impl Store) -> Arc<Self> {
        let (mut context, log) = application(dispatcher, limits);
        Arc::get_mut(&mut context).unwrap().store = Some(Box::new(store));
        Self::of(context, log)
    }

    /// A counter that is asked about each page that comes back.
    fn asking(limits: Limits) -> Arc<Self> {
        Self::asking_of(Closures::counter(), limits)
    }

    fn asking_of(dispatcher: Closures, limits: Limits) -> Arc<Self> {
        let (mut context, log) = application(dispatcher, limits);
        let registry = Registry::default();
        let details = Details {
            authorizes: true,
            ..Details::default()
        };
        registry.add("counter", false, details).unwrap();
        Arc::get_mut(&mut context).unwrap().registry = registry;
        Self::of(context, log)
    }

    fn counter(limits: Limits) -> Arc<Self> {
        Self::new(Closures::counter(), limits)
    }

    /// A connection's other end, through a pipe of that many bytes.
    fn dial(
        &self,
        pipe: usize,
        head: Vec<u8>,
        request: UpgradeRequest,
        peer: Peer,
    ) -> DuplexStream {
        dial(&self.context, &self.sessions, pipe, head, request, peer)
    }

    /// After all clients have left, nothing of them remains.
    async fn is_empty(&self) {
        self.context.tasks.close();
        self.context.tasks.wait().await;
        assert_eq!(self.context.stats.connections.get(), 0);
        assert_eq!(self.context.stats.components.get(), 0);
        assert_eq!(self.context.stats.parked.get(), 0);
        assert_eq!(self.context.stats.queued_events.get(), 0);
    }
}

struct Client {
    server: Arc<Server>,
    socket: WebSocketStream<DuplexStream>,
}

fn user7() -> Peer {
    Peer {
        request: None,
        bind: "user 7".into(),
        address: "10.0.0.7".into(),
    }
}

impl Client {
    async fn connect(limits: Limits) -> Self {
        Self::connect_through(limits, 1 << 16).await
    }

    /// A connection on which `a` counts from 1.
    async fn joined(limits: Limits) -> Self {
        let mut client = Self::connect(limits).await;
        client.join("a", "1").await;
        assert_eq!(client.next().await, trees("a", 1));
        client
    }

    async fn connect_through(limits: Limits, pipe: usize) -> Self {
        let server = Server::counter(limits);
        let stream = server.dial(pipe, Vec::new(), UpgradeRequest::example(), user7());
        Self::over(server, stream).await
    }

    /// Another connection to the server.
    async fn extended(server: &Arc<Server>, peer: Peer) -> Self {
        let stream = server.dial(1 << 16, Vec::new(), extended_request(), peer);
        Self::over(server.clone(), stream).await
    }

    async fn over(server: Arc<Server>, stream: DuplexStream) -> Self {
        let socket = upgraded(stream).await;
        Self { server, socket }
    }

    async fn send(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    async fn join(&mut self, id: &str, props: &str) {
        let token = token(&self.server.context, props, "user 7");
        self.send(&format!(
            r#"{{"type":"join","id":"{id}","module":"counter","token":"{token}"}}"#
        ))
        .await;
    }

    async fn event(&mut self, id: &str, handler: &str) {
        self.send(&format!(
            r#"{{"type":"event","id":"{id}","handler":"{handler}","event":"click"}}"#
        ))
        .await;
    }

    async fn leave(&mut self, id: &str) {
        self.send(&format!(r#"{{"type":"leave","id":"{id}"}}"#))
            .await;
    }

    async fn next(&mut self) -> String {
        // Pings go on for ever, so without an end a test that waits in vain would, too.
        let next = tokio::time::timeout(Duration::from_secs(3600), self.said());
        next.await.expect("a message")
    }

    async fn said(&mut self) -> String {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return text.to_string(),
                Some(Ok(Message::Close(Some(frame)))) => return format!("closed {}", frame.code),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return "gone".into(),
            }
        }
    }

    /// After the client has left, nothing of it remains.
    async fn is_forgotten(&self) {
        self.server.is_empty().await;
    }
}

fn trees(id: &str, count: i64) -> String {
    format!(r#"{{"type":"trees","id":"{id}","s":["<b>","</b>"],"d":["{count}"]}}"#)
}

fn patch(id: &str, count: i64) -> String {
    format!(r#"{{"type":"patch","id":"{id}","d":{{"0":"{count}"}}}}"#)
}

#[tokio::test(start_paused = true)]
async fn components_share_a_connection_and_not_their_state() {
    let mut client = Client::connect(Limits::default()).await;
    client.join("a", "1").await;
    client.join("b", "10").await;
    assert_eq!(client.next().await, trees("a", 1));
    assert_eq!(client.next().await, trees("b", 10));
    client.event("b", "increment").await;
    client.event("a", "increment").await;
    assert_eq!(client.next().await, patch("b", 11));
    assert_eq!(client.next().await, patch("a", 2));
}

#[tokio::test(start_paused = true)]
async fn a_busy_component_does_not_hold_up_its_sibling() {
    let mut client = Client::connect(Limits::default()).await;
    client.join("a", "1").await;
    client.join("b", "10").await;
    client.next().await;
    client.next().await;
    client.event("a", "slow").await;
    client.event("b", "increment").await;
    assert_eq!(client.next().await, patch("b", 11));
    assert_eq!(client.next().await, patch("a", 101));
}

#[tokio::test(start_paused = true)]
async fn a_refused_join_is_an_error_for_its_id_only() {
    let mut client = Client::joined(Limits::default()).await;
    let own = token(&client.server.context, "1", "user 7");
    let foreign = token(&client.server.context, "1", "user 8");
    for (module, token) in [
        ("unknown", own.as_str()),
        ("other", own.as_str()),
        ("counter", foreign.as_str()),
        ("counter", "nonsense"),
        ("counter", ""),
    ] {
        client
            .send(&format!(
                r#"{{"type":"join","id":"b","module":"{module}","token":"{token}"}}"#
            ))
            .await;
        let refusal = format!(r#"{{"type":"error","id":"b","error":"{GONE}"}}"#);
        assert_eq!(client.next().await, refusal, "{module}");
    }
    // Only the operator is told the reason.
    assert_eq!(client.server.log.lock().unwrap().len(), 5);
    // A client cannot write any text into the log by way of a name.
    let long = "\\n".repeat(250);
    client
        .send(&format!(
            r#"{{"type":"join","id":"b\n","module":"{long}","token":""}}"#
        ))
        .await;
    client.next().await;
    let line = client.server.log.lock().unwrap()[5].1.clone();
    assert!(line.len() < 300 && !line.contains('\n'), "{line}");
    client.event("b", "increment").await;
    client.event("a", "increment").await;
    assert_eq!(client.next().await, patch("a", 2));
}

#[tokio::test(start_paused = true)]
async fn a_join_whose_first_render_fails_is_told_so() {
    let mut client = Client::connect(Limits::default()).await;
    client.join("a", "-1").await;
    let failed = r#"{"type":"error","id":"a","error":"The server could not handle this."}"#;
    assert_eq!(client.next().await, failed);
    assert_eq!(client.server.context.stats.components.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rejoin_stops_the_old_actor_and_takes_back_what_it_said() {
    let mut client = Client::joined(Limits::default()).await;
    client.event("a", "slow").await;
    client.join("a", "5").await;
    assert_eq!(client.next().await, trees("a", 5));
    sleep(Duration::from_secs(20)).await;
    assert_eq!(client.server.context.stats.components.get(), 1);
    client.event("a", "increment").await;
    assert_eq!(client.next().await, patch("a", 6));
}

#[tokio::test(start_paused = true)]
async fn a_component_that_left_is_silent() {
    let mut client = Client::connect(Limits::default()).await;
    client.event("a", "increment").await;
    client.join("a", "1").await;
    assert_eq!(client.next().await, trees("a", 1));
    client.event("a", "slow").await;
    client.leave("a").await;
    client.event("a", "increment").await;
    client.leave("a").await;
    client.join("b", "2").await;
    assert_eq!(client.next().await, trees("b", 2));
    assert_eq!(client.server.context.stats.components.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn joins_beyond_the_limit_fail_and_room_is_given_back() {
    let limits = Limits {
        components: 2,
        ..Limits::default()
    };
    let mut client = Client::connect(limits).await;
    for id in ["a", "b"] {
        client.join(id, "1").await;
        assert_eq!(client.next().await, trees(id, 1));
    }
    client.join("c", "1").await;
    assert!(client.next().await.contains("too many live components"));
    client.leave("a").await;
    client.join("c", "1").await;
    assert_eq!(client.next().await, trees("c", 1));
}

#[tokio::test(start_paused = true)]
async fn invalid_messages_change_nothing_until_there_are_too_many() {
    let limits = Limits {
        invalid_messages: 3,
        ..Limits::default()
    };
    let mut client = Client::connect(limits).await;
    client.join("a", "1").await;
    assert_eq!(client.next().await, trees("a", 1));
    client.send("{").await;
    client.send(r#"{"type":"event","id":"a"}"#).await;
    let binary = Message::Binary(Bytes::from_static(b"\0"));
    client.socket.send(binary).await.unwrap();
    client.event("a", "increment").await;
    assert_eq!(client.next().await, patch("a", 2));
    client.send("once more").await;
    assert_eq!(client.next().await, "closed 1008");
    assert_eq!(client.next().await, "gone");
    client.is_forgotten().await;
}

#[tokio::test(start_paused = true)]
async fn a_message_over_the_limit_closes_with_1009() {
    let limits = Limits {
        message_bytes: 1000,
        ..Limits::default()
    };
    let mut client = Client::connect(limits).await;
    client.send(&"x".repeat(1001)).await;
    assert_eq!(client.next().await, "closed 1009");
    drop(client.socket.get_mut().shutdown().await);
    client.is_forgotten().await;
}

#[tokio::test(start_paused = true)]
async fn text_that_is_not_utf8_closes_with_1007() {
    let mut client = Client::connect(Limits::default()).await;
    // A masked text frame (mask zero) with one byte that no UTF-8 has.
    let frame = [0x81, 0x81, 0, 0, 0, 0, 0xff];
    client.socket.get_mut().write_all(&frame).await.unwrap();
    assert_eq!(client.next().await, "closed 1007");
    client.is_forgotten().await;
}

#[tokio::test(start_paused = true)]
async fn an_unmasked_frame_closes_with_1002() {
    let mut client = Client::connect(Limits::default()).await;
    client
        .socket
        .get_mut()
        .write_all(&[0x81, 1, b'x'])
        .await
        .unwrap();
    assert_eq!(client.next().await, "closed 1002");
    client.is_forgotten().await;
}

#[tokio::test(start_paused = true)]
async fn half_a_frame_and_then_silence_is_a_dead_client() {
    let mut client = Client::joined(Limits::default()).await;
    client
        .socket
        .get_mut()
        .write_all(&[0x81, 0xff, 0])
        .await
        .unwrap();
    client.is_forgotten().await;
}

/// A slow network: no pong can come within a frame.
#[tokio::test(start_paused = true)]
async fn a_client_that_takes_long_to_send_a_frame_is_not_dead() {
    let limits = Limits {
        ping_after: Duration::from_secs(5),
        dead_after: Duration::from_secs(10),
        ..Limits::default()
    };
    let mut client = Client::joined(limits).await;
    let event = r#"{"type":"event","id":"a","handler":"increment","event":"click"}"#;
    let text = format!("{}{event}", " ".repeat(0x1000 - event.len()));
    let mut frame = vec![0x81, 0xfe, 0x10, 0, 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    for part in frame.chunks(100) {
        client.socket.get_mut().write_all(part).await.unwrap();
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(client.next().await, patch("a", 2));
}

#[tokio::test(start_paused = true)]
async fn an_idle_client_that_answers_pings_stays() {
    let mut client = Client::joined(Limits::default()).await;
    let idle = tokio::time::timeout(Duration::from_secs(600), client.next()).await;
    assert!(idle.is_err(), "no message and no end: {idle:?}");
    client.event("a", "increment").await;
    assert_eq!(client.next().await, patch("a", 2));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_is_given_up() {
    let limits = Limits {
        outgoing_bytes: 100,
        ..Limits::default()
    };
    let mut client = Client::connect_through(limits, 2000).await;
    client.join("a", "1").await;
    for _ in 0..100 {
        let event = client.event("a", "increment");
        if tokio::time::timeout(Duration::from_secs(1), event)
            .await
            .is_err()
        {
            break;
        }
    }
    client.is_forgotten().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_drops_mid_event_leaves_nothing_behind() {
    let mut client = Client::connect(Limits::default()).await;
    client.join("a", "1").await;
    client.event("a", "hang").await;
    assert_eq!(client.next().await, trees("a", 1));
    let Client { server, socket } = client;
    drop(socket);
    server.is_empty().await;
}

#[tokio::test(start_paused = true)]
async fn closing_answers_what_waits_and_closes_with_1012() {
    let mut client = Client::connect(Limits::default()).await;
    client.join("a", "1").await;
    client.event("a", "slow").await;
    client.event("a", "increment").await;
    assert_eq!(client.next().await, trees("a", 1));
    client.server.sessions.drain();
    assert_eq!(client.next().await, patch("a", 101));
    assert_eq!(client.next().await, patch("a", 102));
    assert_eq!(client.next().await, "closed 1012");
    assert_eq!(client.next().await, "gone");
    client.is_forgotten().await;
}

/// More events than may wait at a time.
#[tokio::test(start_paused = true)]
async fn closing_answers_all_that_waits_where_that_is_much() {
    let limits = Limits {
        outgoing_bytes: 100,
        ..Limits::default()
    };
    let mut client = Client::joined(limits).await;
    client.event("a", "slow").await;
    for _ in 0..20 {
        client.event("a", "increment").await;
    }
    sleep(Duration::from_secs(1)).await;
    client.server.sessions.drain();
    for count in 101..=121 {
        assert_eq!(client.next().await, patch("a", count));
    }
    assert_eq!(client.next().await, "closed 1012");
    client.is_forgotten().await;
}

#[tokio::test(start_paused = true)]
async fn closing_waits_no_longer_than_it_is_told() {
    let mut client = Client::connect(Limits::default()).await;
    client.join("a", "1").await;
    client.event("a", "hang").await;
    assert_eq!(client.next().await, trees("a", 1));
    client.server.sessions.stop();
    assert_eq!(client.next().await, "closed 1012");
    client.is_forgotten().await;
}

/// The times that a single page, a crowd, and a crowd too large for ten seconds are told.
#[tokio::test(start_paused = true)]
async fn closing_says_over_what_time_all_pages_are_to_come_back() {
    for (connections, join_rate, spread) in [(1, 5000, 0), (20, 40, 1000), (20, 1, 10_000)] {
        for stops in [false, true] {
            let limits = Limits {
                join_rate,
                ..Limits::default()
            };
            let server = Server::counter(limits);
            let mut pages = Vec::new();
            for _ in 0..connections {
                pages.push(Page::load(&server).await);
            }
            match stops {
                true => server.sessions.stop(),
                false => server.sessions.drain(),
            }
            for mut page in pages {
                let close = loop {
                    match page.client.socket.next().await {
                        Some(Ok(Message::Close(Some(close)))) => break close,
                        Some(Ok(_)) => {}
                        other => panic!("{other:?}"),
                    }
                };
                assert_eq!(u16::from(close.code), 1012);
                assert_eq!(close.reason.as_str(), spread.to_string());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_while_the_dispatcher_is_full() {
    let mut client = Client::joined(Limits::default()).await;
    client.server.context.dispatcher.full.send_replace(true);
    // One read may already be under way.
    client.event("a", "increment").await;
    client.event("a", "increment").await;
    let count = client.server.context.stats.events.get();
    sleep(Duration::from_secs(1)).await;
    assert!(client.server.context.stats.events.get() <= count + 1);
    client.server.context.dispatcher.full.send_replace(false);
    assert_eq!(client.next().await, patch("a", 2));
    assert_eq!(client.next().await, patch("a", 3));
}

/// A client is dead only if the server listened and heard nothing.
#[tokio::test(start_paused = true)]
async fn a_client_that_is_not_read_from_is_not_dead() {
    let mut client = Client::joined(Limits::default()).await;
    client.server.context.dispatcher.full.send_replace(true);
    client.event("a", "increment").await;
    client.event("a", "increment").await;
    sleep(Duration::from_secs(600)).await;
    client.server.context.dispatcher.full.send_replace(false);
    assert_eq!(client.next().await, patch("a", 2));
    assert_eq!(client.next().await, patch("a", 3));
    // From here on it counts.
    let Client { server, socket } = client;
    sleep(Duration::from_secs(600)).await;
    assert_eq!(server.context.stats.connections.get(), 0);
    drop(socket);
}

/// The page comes back after it was told of the end, and before the actor is gone.
#[tokio::test(start_paused = true)]
async fn a_session_that_is_refused_takes_no_page_back() {
    let server = Server::counter(Limits::default());
    let page = Page::load(&server).await;
    let (instance, _) = page.secret.split_once('.').unwrap();
    let session = server.sessions.get(instance).unwrap();
    session.refuse("no", &Refusal::Busy);
    let outbox = Outbox::new(1000, server.context.budget.clone(), Dialect::Extended);
    let link = Link {
        outbox,
        id: "1".into(),
    };
    let back = Back {
        secret: &page.secret,
        shown: Point::default(),
        needs_tree: false,
        request: None,
        address: "".into(),
        asks: false,
    };
    let turns = &server.context.turns;
    let place = turns.queue(&"".into(), &"".into()).unwrap();
    assert!(session.attach(link, back, place).is_err());
}

/// The join of another page may end a session before its actor is set.
#[tokio::test(start_paused = true)]
async fn a_session_that_ends_before_it_has_its_actor_stops_it() {
    let server = Server::counter(Limits::default());
    let outbox = Outbox::new(1000, server.context.budget.clone(), Dialect::Extended);
    let (module, details) = server.context.registry.get("counter").unwrap();
    let about = About {
        instance: "a".into(),
        module: "counter".into(),
        bind: "".into(),
        address: "".into(),
        holder: "".into(),
        counted: "".into(),
        request: None,
        page: "".into(),
        depth: 0,
        mark: Default::default(),
    };
    let start = Start {
        id: "0".into(),
        instance: about.instance.clone(),
        module,
        module_name: about.module.clone(),
        caller: None,
        holder: "".into(),
        props: Arc::new(Props::from_json("0")),
        origin: None,
        place: None,
        point: Point::default(),
        life: Life::default(),
        expected: Revision::default(),
        ongoing: Default::default(),
        given: None,
        details: details.clone(),
    };
    let mut made = None;
    let socket = LiveSocket::start(&server.context, start, |key| {
        let session = Session::new(about, key, &outbox, "0".into(), Point::default());
        server.sessions.add(&session);
        server.sessions.end(&session);
        made = Some(session.clone());
        let sessions = server.sessions.clone();
        ToPage::new(
            server.context.clone(),
            sessions,
            session,
            details,
            None,
            None,
            Point::default(),
        )
    });
    made.unwrap().set_socket(socket);
    let empty = tokio::time::timeout(Duration::from_secs(60), server.is_empty());
    assert!(empty.await.is_ok(), "its actor lives on");
}

#[tokio::test(start_paused = true)]
async fn refused_handshakes_get_their_status() {
    for (closing, origin_allowed, status) in [(false, false, "403"), (true, true, "503")] {
        let server = Server::counter(Limits::default());
        if closing {
            server.context.closing.cancel();
        }
        let request = UpgradeRequest {
            origin_allowed,
            ..UpgradeRequest::example()
        };
        let mut ours = server.dial(1000, Vec::new(), request, Peer::default());
        assert!(response(&mut ours).await.contains(status));
        drop(ours);
        server.is_empty().await;
    }
}

#[tokio::test(start_paused = true)]
async fn frames_that_came_with_the_request_are_not_lost() {
    let server = Server::counter(Limits::default());
    let leave = br#"{"type":"nonsense","id":"a"}"#;
    let mut head = vec![0x81, 0x80 | leave.len() as u8, 0, 0, 0, 0];
    head.extend_from_slice(leave);
    // As many as make the connection close.
    let head = head.repeat(17);
    let mut ours = server.dial(1000, head, UpgradeRequest::example(), Peer::default());
    assert!(response(&mut ours).await.contains("101"));
    let mut socket = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
    assert!(matches!(
        socket.next().await,
        Some(Ok(Message::Close(Some(_))))
    ));
}

/// If the library were asked to read on after such a message, it would have a full buffer with half a
/// frame.
#[tokio::test(start_paused = true)]
async fn nothing_behind_a_message_over_the_limit_is_taken_for_a_frame() {
    let limits = Limits {
        message_bytes: 300,
        ..Limits::default()
    };
    let server = Server::counter(limits);
    let mut bytes = vec![0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    bytes.resize(8000, b'x');
    let mut ours = server.dial(10_000, Vec::new(), UpgradeRequest::example(), user7());
    response(&mut ours).await;
    ours.write_all(&bytes).await.unwrap();
    let mut socket = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
    let Some(Ok(Message::Close(Some(close)))) = socket.next().await else {
        panic!("not closed");
    };
    assert_eq!(u16::from(close.code), 1009);
    drop(socket);
    server.is_empty().await;
}

fn showing(text: String) -> Closures {
    Closures::new(move |_| {
        let tree = crate::tree::testing::text_tree(&["", ""], &[&text]);
        async move {
            Ok(crate::dispatch::Outcome {
                render: Some(tree.into()),
                ..crate::dispatch::Outcome::nothing()
            })
        }
    })
}

/// A slow network: it answers pings when they arrive, and says nothing else.
#[tokio::test(start_paused = true)]
async fn a_client_that_takes_long_for_a_large_message_is_not_dead() {
    let server = Server::new(showing("y".repeat(100_000)), Limits::default());
    let request = UpgradeRequest::example();
    let mut ours = server.dial(1 << 12, Vec::new(), request, Peer::default());
    response(&mut ours).await;
    let token = token(&server.context, "1", "");
    let join = format!(r#"{{"type":"join","id":"a","module":"counter","token":"{token}"}}"#);
    let mut socket = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
    socket.send(Message::text(join)).await.unwrap();
    let mut ours = socket.into_inner();
    let (mut read, mut pongs) = (Vec::new(), 0);
    while read.len() < 100_000 {
        sleep(Duration::from_secs(5)).await;
        let mut part = vec![0; 1 << 12];
        let count = ours.read(&mut part).await.unwrap();
        assert!(count > 0, "given up after {} bytes", read.len());
        read.extend_from_slice(&part[..count]);
        let pings = read.windows(2).filter(|two| two == &[0x89, 0]).count();
        while pongs < pings {
            ours.write_all(&[0x8a, 0x80, 0, 0, 0, 0]).await.unwrap();
            pongs += 1;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_message_arrives_whole() {
    let large = "y".repeat(100_000);
    let server = Server::new(showing(large.clone()), Limits::default());
    let mut ours = server.dial(
        1 << 12,
        Vec::new(),
        UpgradeRequest::example(),
        Peer::default(),
    );
    response(&mut ours).await;
    let mut socket = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
    let token = token(&server.context, "1", "");
    let join = format!(r#"{{"type":"join","id":"a","module":"counter","token":"{token}"}}"#);
    socket.send(Message::text(join)).await.unwrap();
    let Some(Ok(Message::Text(text))) = socket.next().await else {
        panic!("a text message");
    };
    assert_eq!(
        text.len(),
        r#"{"type":"trees","id":"a","s":["",""],"d":[""]}"#.len() + large.len()
    );
}

#[tokio::test(start_paused = true)]
async fn the_extended_dialect_is_spoken_where_it_is_asked_for() {
    let server = Server::counter(Limits::default());
    let mut stream = server.dial(1 << 16, Vec::new(), extended_request(), user7());
    let head = response(&mut stream).await;
    assert!(head.contains("Sec-WebSocket-Protocol: loom.2"));
    let socket = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
    let mut client = Client { server, socket };
    let token = token(&client.server.context, "1", "user 7");
    for component in [0, 1] {
        client
            .send(&format!(r#"["j",{component},"counter","{token}"]"#))
            .await;
    }
    // Messages that wait together share a frame, and the template is sent once.
    let frame = client.next().await;
    let options = r#"["o",60000,1048576,32,35000]"#;
    let opaque = r#"["t",4294967295,["",""],"t"]"#;
    let tree = r#"[4294967295,{"h":"<b>1</b>"}]"#;
    assert!(frame.starts_with(&format!(r#"[{options},{opaque},["j",0,0,0,{tree},""#)));
    assert!(frame.contains(&format!(r#",["j",1,0,0,{tree},""#)));
    // The checkpoint of a small state comes with the answer.
    assert!(frame.contains(r#",["c",0,0,""#));
    client.send(r#"["e",1,1,0,"increment","click"]"#).await;
    assert_eq!(client.next().await, r#"[1,1,0,{"h":"<b>2</b>"}]"#);
    client.send(r#"["e",1,2,1,"reshape","click"]"#).await;
    let shape = r#"["s",1,2,[4294967295,{"h":"<i>2</i>"}]]"#;
    assert_eq!(client.next().await, shape);
    client.send(r#"["e",0,1,0,"nothing","click"]"#).await;
    assert_eq!(client.next().await, "[0,1]");
}
