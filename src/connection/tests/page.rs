//! A page with one component, as its client keeps it, and a component whose state is large.

use serde_json::{Value, json};

use super::*;

/// A page with one component: what a client keeps in its memory.
pub(super) struct Page {
    pub(super) client: Client,
    pub(super) token: String,
    pub(super) secret: String,
    pub(super) checkpoint: Option<(u64, String)>,
    pub(super) waiting: Vec<Value>,
    pub(super) joins: u32,
    /// What the page says that it shows, if that is not one revision for each event.
    pub(super) revision: Option<u64>,
    /// The revision that was named for the next change.
    pub(super) named: Option<u64>,
}

impl Page {
    /// A page that has not joined.
    pub(super) fn new(client: Client) -> Self {
        Self {
            token: token(&client.server.context, "0", "user 7"),
            client,
            secret: String::new(),
            checkpoint: None,
            waiting: Vec::new(),
            joins: 0,
            revision: None,
            named: None,
        }
    }

    pub(super) async fn load(server: &Arc<Server>) -> Self {
        let mut page = Self::new(Client::extended(server, user7()).await);
        page.join(page.token.clone(), None).await;
        assert_eq!(page.shown().await, (0, "<b>0</b>".into(), false));
        page
    }

    pub(super) async fn join(&mut self, token: String, resume: Option<(&str, u64)>) {
        self.joins += 1;
        let mut join = json!(["j", self.joins, "counter", token]);
        if let Some((secret, seen)) = resume {
            let members = join.as_array_mut().unwrap();
            // Events of these pages succeed, so there are as many revisions.
            let revision = self.revision.unwrap_or(seen);
            members.extend([json!(secret), json!(seen), json!(revision), json!(0)]);
        }
        self.client.send(&join.to_string()).await;
    }

    pub(super) async fn event(&mut self, number: u64, seen: u64, handler: &str) {
        let event = json!(["e", self.joins, number, seen, handler, "click"]);
        self.client.send(&event.to_string()).await;
    }

    /// The next message that is not bookkeeping.
    pub(super) async fn next(&mut self) -> Value {
        loop {
            while self.waiting.is_empty() {
                let text = self.client.next().await;
                let Ok(frame) = serde_json::from_str::<Value>(&text) else {
                    return json!(text);
                };
                self.waiting.extend(messages(frame));
            }
            let message = self.waiting.remove(0);
            match message[0].as_str() {
                Some("o" | "t") => {}
                Some("v") => self.named = message[2].as_u64(),
                Some("c") => {
                    let number = message[2].as_u64().unwrap();
                    self.checkpoint = message[3].as_str().map(|text| (number, text.to_owned()));
                }
                _ => return message,
            }
        }
    }

    /// The next message shows the whole tree: its number, its HTML, and whether it is anew.
    pub(super) async fn shown(&mut self) -> (u64, String, bool) {
        let message = self.next().await;
        assert_eq!(message[0], "j", "{message}");
        self.secret = message[5].as_str().unwrap().to_owned();
        let html = message[4][1]["h"].as_str().unwrap().to_owned();
        (message[2].as_u64().unwrap(), html, message[6] == 1)
    }

    /// The next message refuses the join or the resume: what the page can do.
    pub(super) async fn refused(&mut self) -> String {
        let message = self.next().await;
        assert_eq!(message[0], "f", "{message}");
        message[3].as_str().unwrap().to_owned()
    }

    /// The next message answers an event: its number and the new HTML.
    pub(super) async fn answer(&mut self) -> (u64, String) {
        let message = self.next().await;
        assert_eq!(message[0], self.joins, "{message}");
        let html = message[3]["h"].as_str().unwrap_or("").to_owned();
        (message[1].as_u64().unwrap(), html)
    }

    /// The next message goes on from the page's point; gives the last answered number.
    pub(super) async fn resumed(&mut self) -> u64 {
        let message = self.next().await;
        assert_eq!(message[0], "a", "{message}");
        self.secret = message[3].as_str().unwrap().to_owned();
        message[2].as_u64().unwrap()
    }

    /// The connection breaks, and the page goes on from the answer to event `seen`.
    pub(super) async fn resume(&mut self, server: &Arc<Server>, seen: u64) {
        self.reconnect(server).await;
        let secret = self.secret.clone();
        self.join(String::new(), Some((&secret, seen))).await;
    }

    /// The connection breaks, and there is another one, to the same server or another.
    pub(super) async fn reconnect(&mut self, server: &Arc<Server>) {
        self.client = Client::extended(server, user7()).await;
        self.waiting.clear();
    }

    pub(super) async fn load_large(server: &Arc<Server>, client: Client) -> Self {
        let mut page = Self::new(client);
        page.token = token(&server.context, &filled(0), "user 7");
        page.join(page.token.clone(), None).await;
        assert_eq!(page.shown().await, (0, html(0), false));
        page
    }

    /// The token that the page joins with while it has an anchor.
    pub(super) fn anchored(&self) -> String {
        let (number, anchor) = self.checkpoint.clone().unwrap();
        assert_eq!(number, 0);
        assert!(anchor.starts_with('.') && anchor.len() < 200, "{anchor}");
        format!("{}{anchor}", self.token)
    }
}

pub(super) fn html(count: i64) -> String {
    format!("<b>{count}</b>")
}

/// The events that were handled: the instance and the number of each.
pub(super) type Ids = Arc<std::sync::Mutex<Vec<(Arc<str>, u64)>>>;

/// A counter whose props are too large for a checkpoint at once.
pub(super) fn large() -> (Closures, Ids) {
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
            handled.lock().unwrap().push((call.instance, call.number.0));
            count += 1;
        }
        let mut outcome = crate::testing::shown(count, &["<b>", "</b>"]);
        outcome.props = Some(Arc::new(Props::from_json(&filled(count))));
        std::future::ready(Ok(outcome))
    });
    (dispatcher, ids)
}

pub(super) fn filled(count: i64) -> String {
    format!("\"{}{count}\"", "x".repeat(3000))
}
