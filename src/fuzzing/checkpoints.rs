//! Checkpoints in use. Whatever happens to processes and connections, a page that comes back with a
//! checkpoint has the state of that checkpoint. A checkpoint is refused if it was changed, belongs to another
//! user, or is older than the component that lives or has ended in this process.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::{Input, block_on};
use crate::context::Shared;
use crate::limits::Limits;
use crate::session::Peer;
use crate::sessions::Sessions;
use crate::testing::{Closures, application, dial, extended_request, messages, token, upgraded};

const USER: &str = "user 7";

/// A process: a counter whose every answer comes with a checkpoint.
struct Process {
    context: Shared<Closures>,
    sessions: Arc<Sessions>,
}

impl Process {
    fn start() -> Self {
        let limits = Limits {
            checkpoint_quiet: Duration::ZERO,
            checkpoint_events: 1,
            ..Limits::default()
        };
        let (context, _) = application(Closures::counter(), limits);
        let (stats, budget) = (context.stats.clone(), context.budget.clone());
        let sessions = Sessions::new(&context.limits, stats, budget);
        Self { context, sessions }
    }

    async fn connect(&self, bind: &str) -> Client {
        let peer = Peer {
            bind: bind.into(),
            ..Peer::default()
        };
        let request = extended_request();
        let (context, sessions) = (&self.context, &self.sessions);
        let pipe = dial(context, sessions, 1 << 14, Vec::new(), request, peer);
        Client(upgraded(pipe).await)
    }

    /// Nothing of it is left.
    async fn end(self) {
        self.sessions.drain();
        self.context.tasks.close();
        self.context.tasks.wait().await;
    }
}

struct Client(WebSocketStream<DuplexStream>);

impl Client {
    async fn send(&mut self, message: &Value) {
        let message = Message::text(message.to_string());
        self.0.send(message).await.expect("a connection");
    }

    /// Adds messages to `messages`, until one of them begins so.
    async fn until(&mut self, heads: &[Value]) -> (Value, Option<Point>) {
        let mut point = None;
        let mut found = None;
        loop {
            let frame = self.0.next().await.expect("a message").expect("a frame");
            let Message::Text(text) = frame else { continue };
            let frame: Value = serde_json::from_str(&text).expect("JSON");
            for message in messages(frame) {
                if message[0] == "c" {
                    point = Some(Point {
                        number: message[2].as_u64().expect("a number"),
                        sealed: message[3].as_str().expect("a checkpoint").to_owned(),
                    });
                } else if heads.contains(&message[0]) {
                    found = Some(message);
                }
            }
            match found.take() {
                Some(message) if message[0] == "f" => return (message, None),
                Some(message) if point.is_some() => return (message, point),
                waiting => found = waiting,
            }
        }
    }
}

/// A checkpoint. Each event adds one, so that its number is its state.
#[derive(Clone)]
struct Point {
    number: u64,
    sealed: String,
}

/// Under which number a component joins.
#[derive(Clone, Copy)]
enum Place {
    /// One that there has not been.
    Another,
    /// The place of the last join.
    Same,
}

/// What the page and the server are at.
struct World {
    process: Process,
    client: Client,
    /// The component's id: another one for each join, unless a join is to take its place.
    id: u64,
    /// The number that the component is at in this process, or was at when it ended here.
    at: Option<u64>,
    /// The id under which the component is shown on this connection.
    shown: Option<u64>,
    points: Vec<Point>,
}

impl World {
    async fn new() -> Self {
        let process = Process::start();
        let client = process.connect(USER).await;
        let mut world = Self {
            process,
            client,
            id: 0,
            at: None,
            shown: None,
            points: Vec::new(),
        };
        let mount = token(&world.process.context, "0", USER);
        assert!(world.join("counter", &mount, 0, Place::Another).await);
        world
    }

    /// Whether the join was taken; then it shows `number`.
    async fn join(&mut self, module: &str, sealed: &str, number: u64, place: Place) -> bool {
        match place {
            Place::Another => self.id += 1,
            // The component that was there stops before anything is looked at.
            Place::Same => self.shown = None,
        }
        self.client
            .send(&json!(["j", self.id, module, sealed]))
            .await;
        let (message, point) = self.client.until(&[json!("j"), json!("f")]).await;
        assert_eq!(message[1], self.id);
        if message[0] == "f" {
            assert_eq!(message[3], "reload");
            return false;
        }
        assert_eq!(message[2], number);
        assert_eq!(message[3], number, "each event is a revision");
        let shown = message[4].to_string();
        assert!(shown.contains(&format!("<b>{number}</b>")), "{shown}");
        self.at = Some(number);
        self.shown = Some(self.id);
        self.points.extend(point);
        true
    }

    async fn event(&mut self) {
        let (Some(at), Some(id)) = (self.at, self.shown) else {
            return;
        };
        let number = at + 1;
        let event = json!(["e", id, number, at, "increment", "click"]);
        self.client.send(&event).await;
        let (answer, point) = self.client.until(&[json!(id)]).await;
        assert_eq!(answer[1], number);
        let shown = answer.to_string();
        assert!(shown.contains(&format!("<b>{number}</b>")), "{shown}");
        self.at = Some(number);
        self.points.extend(point);
    }

    async fn reconnect(&mut self, bind: &str) {
        self.client = self.process.connect(bind).await;
        self.shown = None;
    }

    async fn crash(&mut self) {
        let old = std::mem::replace(&mut self.process, Process::start());
        self.at = None;
        self.reconnect(USER).await;
        old.end().await;
    }

    fn point(&self, input: &mut Input<'_>) -> Point {
        // From the newest.
        let back = usize::from(input.byte()) % self.points.len();
        self.points[self.points.len() - 1 - back].clone()
    }

    /// A join with one of the checkpoints: taken, unless it is behind what this process has seen.
    async fn go_on(&mut self, input: &mut Input<'_>, place: Place) {
        let Point { number, sealed } = self.point(input);
        let is_old = self.at.is_some_and(|at| at > number);
        let taken = self.join("counter", &sealed, number, place).await;
        assert_eq!(taken, !is_old, "event {number} at {:?}", self.at);
    }

    async fn leave(&mut self) {
        self.client.send(&json!(["l", self.id])).await;
        self.shown = None;
    }

    async fn step(&mut self, input: &mut Input<'_>) {
        match input.below(9) {
            0 => self.event().await,
            1 => self.crash().await,
            2 => self.go_on(input, Place::Another).await,
            3 => {
                let Point { number, sealed } = self.point(input);
                let mut text = sealed.clone().into_bytes();
                let place = usize::from(input.byte()) % text.len();
                text[place] = b' ' + input.byte() % 95;
                let text = String::from_utf8_lossy(&text);
                if text != sealed {
                    let taken = self.join("counter", &text, number, Place::Another).await;
                    assert!(!taken, "{text} was taken for {sealed}");
                }
            }
            4 => {
                let point = self.point(input);
                self.reconnect("user 8").await;
                let taken = self
                    .join("counter", &point.sealed, point.number, Place::Another)
                    .await;
                assert!(!taken, "another user's");
                self.reconnect(USER).await;
            }
            5 => self.go_on(input, Place::Same).await,
            6 => self.leave().await,
            // The connection breaks, and nobody has left anything.
            7 => self.reconnect(USER).await,
            _ => {
                let point = self.point(input);
                let taken = self
                    .join("other", &point.sealed, point.number, Place::Another)
                    .await;
                assert!(!taken, "another module's");
            }
        }
    }
}

/// The bytes say what happens.
pub fn checkpoints(input: &[u8]) {
    let mut input = Input(input);
    let run = async {
        let mut world = World::new().await;
        // Enough for everything to come behind everything else.
        for _ in 0..40 {
            if input.is_empty() {
                break;
            }
            world.step(&mut input).await;
        }
        let World {
            process, client, ..
        } = world;
        drop(client);
        process.end().await;
    };
    let ended = block_on(async { timeout(Duration::from_secs(4), run).await });
    assert!(ended.is_ok(), "no answer");
}
