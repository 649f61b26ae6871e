//! The operator's log: whatever a client says, it is told in short lines with nothing in them that a
//! terminal would obey, and that cannot be taken for another line.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::block_on;
use crate::limits::Limits;
use crate::log::Quoted;
use crate::session::Peer;
use crate::sessions::Sessions;
use crate::testing::{Closures, application, dial, extended_request, token, upgraded};
use crate::transport::handshake::UpgradeRequest;

/// Characters of a text that a line shows.
const SHOWN: usize = 64;
/// What a line is at most, in characters: three texts, each of characters that are written as
/// `\u{10ffff}`, and the words around them.
const LONGEST: usize = 3 * 10 * SHOWN + 400;

/// The first byte chooses the dialect; the others are the texts that a client sends, a zero byte between
/// them: a module, a component's id, a token, a handler, an event's type, a key, a whole message.
pub fn logged(input: &[u8]) {
    let (dialect, texts) = input.split_first().unwrap_or((&0, &[]));
    let texts: Vec<String> = texts
        .split(|byte| *byte == 0)
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .collect();
    for text in &texts {
        quoted(text);
    }
    let run = converse(dialect % 2 == 0, &texts);
    let lines = block_on(async { timeout(Duration::from_secs(4), run).await });
    for line in lines.expect("the connection ends") {
        plain(&line);
        assert!(line.chars().count() <= LONGEST, "{} bytes", line.len());
    }
}

/// Has a client say all of it in every place there is for a text; gives the log.
async fn converse(is_extended: bool, texts: &[String]) -> Vec<String> {
    let (context, log) = application(Closures::counter(), Limits::default());
    let (stats, budget) = (context.stats.clone(), context.budget.clone());
    let sessions = Sessions::new(&context.limits, stats, budget);
    let request = if is_extended {
        extended_request()
    } else {
        UpgradeRequest::example()
    };
    let pipe = dial(
        &context,
        &sessions,
        1 << 16,
        Vec::new(),
        request,
        Peer::default(),
    );
    let mut client = upgraded(pipe).await;
    let mount = token(&context, "0", "");
    for message in said(is_extended, texts, &mount) {
        // A client that sends too many invalid messages is refused, and has been read from until then.
        if client.send(Message::text(message)).await.is_err() {
            break;
        }
    }
    // Its answer comes behind all others.
    let _ = client.send(Message::Ping(Default::default())).await;
    while let Some(Ok(frame)) = client.next().await {
        if frame.is_pong() {
            break;
        }
    }
    sessions.drain();
    context.tasks.close();
    // The client reads the remaining messages, and hangs up.
    while let Some(Ok(_)) = client.next().await {}
    drop(client);
    context.tasks.wait().await;
    let lines = std::mem::take(&mut *log.lock().expect("the log"));
    lines.into_iter().map(|(_, line)| line).collect()
}

fn said(is_extended: bool, texts: &[String], mount: &str) -> Vec<String> {
    let text = |index: usize| texts.get(index).map_or("", String::as_str);
    let (module, id, sealed) = (text(0), text(1), text(2));
    let (handler, kind, key) = (text(3), text(4), text(5));
    let mut said = if is_extended {
        vec![
            json!(["j", 0, module, sealed]),
            json!(["j", 1, "counter", sealed]),
            json!(["j", 2, "other", mount]),
            json!(["j", 3, "counter", mount, sealed, 0, 0, 0]),
            json!(["e", 3, 1, 0, handler, kind, { "v": sealed, "k": key, "f": sealed }]),
            // Not the one with the event, which would not be handled then.
            json!(["l", 2]),
        ]
    } else {
        let join = |module: &str, token: &str| json!({ "type": "join", "id": id, "module": module, "token": token });
        let vars = json!({ "value": sealed, "key": key });
        vec![
            join(module, sealed),
            join("counter", sealed),
            join("other", mount),
            join("counter", mount),
            json!({ "type": "event", "id": id, "handler": handler, "event": kind, "special_vars": vars }),
            json!({ "type": "leave", "id": key }),
        ]
    };
    let mut said: Vec<String> = said.drain(..).map(|message| message.to_string()).collect();
    said.extend(texts.get(6).cloned());
    said
}

/// In quotes, cut after so many characters, and nothing of it is lost before.
fn quoted(text: &str) {
    let line = Quoted(text).to_string();
    plain(&line);
    let rest = line.strip_prefix('"').expect("a quote");
    let (read, behind) = unquoted(rest);
    let shown: String = text.chars().take(SHOWN).collect();
    assert_eq!(read, shown, "{line}");
    let is_cut = shown.len() < text.len();
    let size = format!("… ({} bytes)", text.len());
    assert_eq!(behind, if is_cut { &*size } else { "" }, "{line}");
}

/// A quoted text up to its end, and what stands behind that.
fn unquoted(text: &str) -> (String, &str) {
    let mut read = String::new();
    let mut rest = text.chars();
    loop {
        read.push(match rest.next().expect("the end of a quoted text") {
            '"' => return (read, rest.as_str()),
            '\\' => match rest.next().expect("an escape") {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '0' => '\0',
                'u' => {
                    let (digits, behind) = rest.as_str().split_once('}').expect("an escape's end");
                    rest = behind.chars();
                    let digits = digits.strip_prefix('{').expect("an escape's beginning");
                    let code = u32::from_str_radix(digits, 16).expect("digits");
                    char::from_u32(code).expect("a character")
                }
                plain => plain,
            },
            letter => letter,
        });
    }
}

/// One line, without characters that steer a terminal or turn the direction in which text is read.
fn plain(line: &str) {
    let steers = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let found = line.chars().find(|letter| steers(*letter));
    assert_eq!(found, None, "in {line:?}");
}
