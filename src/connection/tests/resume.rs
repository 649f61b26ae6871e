//! What outlives a connection: numbered events, parked sessions, checkpoints.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::*;
use crate::limits::Limits;
use crate::store::{Answer, StoreError, Stored};

/// A page with one component: what a client keeps in its memory.
struct Page {
    client: Client,
    token: String,
    secret: String,
    checkpoint: Option<(u64, String)>,
    waiting: Vec<Value>,
    joins: u32,
}

impl Page {
    /// A page that has not joined.
    fn new(client: Client) -> Self {
        Self {
            token: token(&client.server.context, "0", "user 7"),
            client,
            secret: String::new(),
            checkpoint: None,
            waiting: Vec::new(),
            joins: 0,
        }
    }

    async fn load(server: &Arc<Server>) -> Self {
        let mut page = Self::new(Client::extended(server, user7()).await);
        page.join(page.token.clone(), None).await;
        assert_eq!(page.shown().await, (0, "<b>0</b>".into(), false));
        page
    }

    async fn join(&mut self, token: String, resume: Option<(&str, u64)>) {
        self.joins += 1;
        let mut join = json!(["j", self.joins, "counter", token]);
        if let Some((secret, seen)) = resume {
            let members = join.as_array_mut().unwrap();
            members.extend([json!(secret), json!(seen)]);
        }
        self.client.send(&join.to_string()).await;
    }

    async fn event(&mut self, number: u64, seen: u64, handler: &str) {
        let event = json!(["e", self.joins, number, seen, handler, "click"]);
        self.client.send(&event.to_string()).await;
    }

    /// The next message that is not bookkeeping.
    async fn next(&mut self) -> Value {
        loop {
            while self.waiting.is_empty() {
                let text = self.client.next().await;
                let Ok(frame) = serde_json::from_str::<Value>(&text) else {
                    return json!(text);
                };
                match &frame {
                    Value::Array(messages) if messages.first().is_some_and(Value::is_array) => {
                        self.waiting.extend(messages.iter().cloned());
                    }
                    _ => self.waiting.push(frame),
                }
            }
            let message = self.waiting.remove(0);
            match message[0].as_str() {
                Some("o" | "t") => {}
                Some("c") => {
                    let number = message[2].as_u64().unwrap();
                    self.checkpoint = message[3].as_str().map(|text| (number, text.to_owned()));
                }
                _ => return message,
            }
        }
    }

    /// The next message shows the whole tree: its number, its HTML, and whether it is anew.
    async fn shown(&mut self) -> (u64, String, bool) {
        let message = self.next().await;
        assert_eq!(message[0], "j", "{message}");
        self.secret = message[4].as_str().unwrap().to_owned();
        let html = message[3][1]["h"].as_str().unwrap().to_owned();
        (message[2].as_u64().unwrap(), html, message[5] == 1)
    }

    /// The next message answers an event: its number and the new HTML.
    async fn answer(&mut self) -> (u64, String) {
        let message = self.next().await;
        assert_eq!(message[0], self.joins, "{message}");
        let html = message[3]["h"].as_str().unwrap_or("").to_owned();
        (message[1].as_u64().unwrap(), html)
    }

    /// The next message goes on from where the page is; gives the last answered number.
    async fn resumed(&mut self) -> u64 {
        let message = self.next().await;
        assert_eq!(message[0], "a", "{message}");
        self.secret = message[3].as_str().unwrap().to_owned();
        message[2].as_u64().unwrap()
    }

    /// The connection breaks, and the page goes on from the answer to event `seen`.
    async fn resume(&mut self, server: &Arc<Server>, seen: u64) {
        self.reconnect(server).await;
        let secret = self.secret.clone();
        self.join(String::new(), Some((&secret, seen))).await;
    }

    /// The connection breaks, and there is another one, to the same server or another.
    async fn reconnect(&mut self, server: &Arc<Server>) {
        self.client = Client::extended(server, user7()).await;
        self.waiting.clear();
    }
}

fn html(count: i64) -> String {
    format!("<b>{count}</b>")
}

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
    // What was sent and not answered is sent again, and not applied again.
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
    // What comes from the old connection, late, is not heard.
    other.send(r#"["e",1,1,0,"increment","click"]"#).await;
    sleep(Duration::from_secs(1)).await;
    drop(other);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(server.context.stats.parked.get(), 0);
    page.event(1, 0, "increment").await;
    assert_eq!(page.answer().await, (1, html(1)));
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
    let refused = page.next().await;
    assert_eq!((&refused[0], &refused[3]), (&json!("f"), &json!("reload")));
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
    let refused = page.next().await;
    assert_eq!((&refused[0], &refused[3]), (&json!("f"), &json!("reload")));
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

/// A page comes back, by each way: it joins, or it resumes, asked for or not.
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
        let refused = four.next().await;
        assert_eq!((&refused[0], &refused[3]), (&json!("f"), &json!("busy")));
        one.event(1, 0, "increment").await;
        assert_eq!(one.answer().await, (1, html(1)));
        assert_eq!(seconds(), 0);
        assert_eq!(two.resumed().await, 0);
        assert_eq!(seconds(), 1);
        assert_eq!(three.shown().await, (0, html(0), false));
        assert_eq!(seconds(), 2);
        two.event(1, 0, "increment").await;
        assert_eq!(two.answer().await, (1, html(1)));
        // Whoever was refused finds its place later.
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
    let refused = page.next().await;
    assert_eq!((&refused[0], &refused[3]), (&json!("f"), &json!("busy")));
    assert_eq!(other.shown().await, (0, html(0), false));
    let secret = page.secret.clone();
    page.join(String::new(), Some((&secret, 1))).await;
    assert_eq!(page.resumed().await, 1);
}

/// A connection that breaks while its page waits takes its place with it, and nothing else.
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
    let refused = page.next().await;
    assert_eq!((&refused[0], &refused[3]), (&json!("f"), &json!("busy")));
    // It is no one's who comes from elsewhere, or from where nobody knows.
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
    // Who leaves and comes back is no other.
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

/// What failed is not among what the tree includes: the client would take it for applied.
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

/// A store in memory, which two processes share.
#[derive(Clone, Default)]
struct Memory {
    states: Arc<std::sync::Mutex<std::collections::HashMap<Arc<str>, Stored>>>,
    broken: Arc<std::sync::atomic::AtomicBool>,
}

impl Store for Memory {
    fn load(&self, instance: &Arc<str>) -> Answer<Option<Stored>> {
        let found = self.states.lock().unwrap().get(instance).cloned();
        Box::pin(std::future::ready(Ok(found)))
    }

    fn save(&self, instance: &Arc<str>, stored: Stored) -> Answer<()> {
        if self.broken.load(std::sync::atomic::Ordering::SeqCst) {
            let error = StoreError::Failed("the disk is full".to_owned());
            return Box::pin(std::future::ready(Err(error)));
        }
        let mut states = self.states.lock().unwrap();
        let known = states.get(instance).map_or(0, |known| known.number);
        let result = if stored.number > known {
            states.insert(instance.clone(), stored);
            Ok(())
        } else {
            Err(StoreError::Stale)
        };
        Box::pin(std::future::ready(result))
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
    // What the store has already is not applied again.
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
    let refused = other.next().await;
    assert_eq!((&refused[0], &refused[3]), (&json!("f"), &json!("reload")));
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
        let Stored { number, sealed } = stored();
        assert_eq!((at, checkpoint), (number, sealed));
    }
    // What could not be kept is in no checkpoint, nor is what failed.
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
    assert_eq!((at, claims.number, claims.props_json.as_str()), (4, 4, "3"));
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
    let refused = page.next().await;
    assert_eq!((&refused[0], &refused[3]), (&json!("f"), &json!("busy")));
    assert_eq!(first.context.stats.components.get(), 0);
}

/// The events that were handled: whose, and their numbers.
type Ids = Arc<std::sync::Mutex<Vec<(Arc<str>, u64)>>>;

/// A counter whose props are too large for a checkpoint at once.
fn large() -> (Closures, Ids) {
    let ids = Ids::default();
    let handled = ids.clone();
    let dispatcher = Closures::new(move |call| {
        let json = call.props.to_json();
        let mut count = json
            .trim_matches('"')
            .trim_start_matches('x')
            .parse()
            .unwrap_or(0);
        if call.event.is_some() {
            handled.lock().unwrap().push((call.instance, call.number));
            count += 1;
        }
        let mut outcome = crate::testing::shown(count, &["<b>", "</b>"]);
        outcome.props = Some(Arc::new(Props::from_json(&filled(count))));
        std::future::ready(Ok(outcome))
    });
    (dispatcher, ids)
}

fn filled(count: i64) -> String {
    format!("\"{}{count}\"", "x".repeat(3000))
}

impl Page {
    async fn load_large(server: &Arc<Server>, client: Client) -> Self {
        let mut page = Self::new(client);
        page.token = token(&server.context, &filled(0), "user 7");
        page.join(page.token.clone(), None).await;
        assert_eq!(page.shown().await, (0, html(0), false));
        page
    }

    /// What it joins with while it has an anchor.
    fn anchored(&self) -> String {
        let (number, anchor) = self.checkpoint.clone().unwrap();
        assert_eq!(number, 0);
        assert!(anchor.starts_with('.') && anchor.len() < 200, "{anchor}");
        format!("{}{anchor}", self.token)
    }
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
    // A quiet moment, and there is a checkpoint, as ever.
    let quiet = tokio::time::timeout(Duration::from_secs(20), twin.next());
    assert!(quiet.await.is_err());
    let (number, checkpoint) = twin.checkpoint.clone().unwrap();
    assert!(number == 1 && !checkpoint.starts_with('.'));
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
        let refused = other.next().await;
        assert_eq!((&refused[0], &refused[3]), (&json!("f"), &json!("reload")));
    }
    page.event(2, 1, "increment").await;
    assert_eq!(page.answer().await, (2, html(2)));
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
    // It goes on there, and no more here.
    page.event(4, 3, "increment").await;
    let refused = page.next().await;
    assert_eq!((&refused[0], &refused[3]), (&json!("f"), &json!("busy")));
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

#[tokio::test(start_paused = true)]
async fn patches_for_a_slow_reader_are_merged_into_one() {
    let limits = Limits {
        outgoing_bytes: 200,
        ..Limits::default()
    };
    let server = Server::counter(limits);
    // A pipe that holds a few messages.
    let request = UpgradeRequest {
        protocols: Some("loom.2".to_owned()),
        ..UpgradeRequest::example()
    };
    let stream = server.dial(700, Vec::new(), request, user7());
    let mut page = Page::new(Client::over(server.clone(), stream).await);
    page.join(page.token.clone(), None).await;
    assert_eq!(page.shown().await, (0, html(0), false));
    for number in 1..=300 {
        let handler = if number == 290 { "no" } else { "increment" };
        page.event(number, 0, handler).await;
        sleep(Duration::from_millis(1)).await;
    }
    // It went on all the time, and holds no more than it may.
    assert_eq!(server.context.stats.events.get(), 299);
    assert!(server.context.budget.waiting() < 1000);
    let mut last = 0;
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
        last = message[1].as_u64().unwrap();
        if last == 300 {
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
}

/// A state that is not small, and no quiet moment: checkpoints still come.
#[tokio::test(start_paused = true)]
async fn a_steady_stream_of_events_has_its_checkpoints() {
    let dispatcher = Closures::new(|call| async move {
        let mut outcome = crate::testing::shown(call.number as i64, &["<b>", "</b>"]);
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
