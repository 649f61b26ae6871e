//! The lines for the operator: bounded in length and in number, and safe to print.

use std::collections::HashMap;
use std::fmt::{Display, Formatter, Write};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::codes::Code;
use crate::sync::{Mutex, lock};

/// Characters of a client's text that a line shows.
const SHOWN: usize = 64;
/// Lines of one kind that are written in each [`WINDOW`].
const LINES: usize = 60;
const WINDOW: Duration = Duration::from_secs(60);
/// Kinds that are told apart. Beyond it all others count as one.
const KINDS: usize = 1024;

/// The longest line, in bytes: an error with its stack has room.
const LONGEST_LINE: usize = 16 * 1024;

/// How bad a logged problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something of the application failed.
    Error = 0,
    /// Something was refused.
    Warn = 1,
}

/// A text that came from a client, as a line of the log may have it: in quotes, cut after 64 characters, and
/// with everything escaped except plain characters.
pub struct Quoted<'a>(pub &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        let end = self.0.char_indices().nth(SHOWN).map(|(end, _)| end);
        let shown = end.and_then(|end| self.0.get(..end));
        formatter.write_char('"')?;
        write!(formatter, "{}", shown.unwrap_or(self.0).escape_debug())?;
        formatter.write_char('"')?;
        match shown {
            Some(_) => write!(formatter, "… ({} bytes)", self.0.len()),
            None => Ok(()),
        }
    }
}

fn cut(line: String) -> String {
    if line.len() <= LONGEST_LINE {
        return line;
    }
    // A character may begin before the end and go beyond.
    let shown = (0..=LONGEST_LINE).rev().find_map(|end| line.get(..end));
    let shown = shown.unwrap_or_default();
    format!("{shown}… ({} bytes)", line.len())
}

/// The place in the code that writes a line, and the module that the line is about.
type Kind = (usize, String);

struct Window {
    since: Instant,
    written: usize,
    left_out: usize,
}

/// One line, as the operator's logger gets it.
pub struct Line {
    /// How bad it is.
    pub level: Level,
    /// The kind of problem.
    pub code: Code,
    /// Whom it is about: a module's name, or the reason why connections were closed; empty if it is nobody.
    pub about: String,
    /// The text.
    pub text: String,
    /// How many lines like this one were left out, if the line says so; otherwise 0.
    pub left_out: usize,
}

type Lines = Box<dyn Fn(Line) + Send + Sync>;

/// The operator's log. Of each kind 60 lines a minute are written, and then one line with the number of those
/// that were left out. A kind is a place in the code that writes, together with the module, if the line names
/// one.
///
/// The lock is a `std` one, held for one look-up, and never while a line is written.
#[derive(Clone)]
pub struct Log(Arc<Inner>);

struct Inner {
    lines: Lines,
    windows: Mutex<HashMap<Kind, Window>>,
}

/// What happens to a line.
enum Fate {
    Written,
    LeftOut,
    /// Left out, as the first one in its window, which ends then.
    First(Instant),
}

impl Log {
    /// A log that writes with this function. It is called on any thread and must not block.
    pub fn new(lines: Lines) -> Self {
        let windows = Mutex::default();
        Self(Arc::new(Inner { lines, windows }))
    }

    /// Writes a line, if it is not one too many of its kind.
    #[track_caller]
    pub fn write(&self, level: Level, code: Code, about: &str, text: impl FnOnce() -> String) {
        let place: *const Location<'static> = Location::caller();
        let mut kind = (place as usize, about.to_owned());
        let inner = &self.0;
        let fate = inner.fate(&mut kind);
        match fate {
            Fate::Written => (inner.lines)(Line {
                level,
                code,
                about: about.to_owned(),
                text: cut(text()),
                left_out: 0,
            }),
            Fate::LeftOut => {}
            Fate::First(end) => self.tell_at(end, (level, code), kind, cut(text())),
        }
    }

    /// Says at the end of a window how many lines were left out in it.
    fn tell_at(&self, end: Instant, (level, code): (Level, Code), kind: Kind, example: String) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let inner = Arc::downgrade(&self.0);
        runtime.spawn(async move {
            sleep_until(end).await;
            let Some(inner) = inner.upgrade() else { return };
            let mut windows = lock(&inner.windows);
            let window = windows.remove(&kind);
            drop(windows);
            if let Some(left_out) = window.map(|window| window.left_out) {
                (inner.lines)(Line {
                    level,
                    code,
                    about: kind.1,
                    text: format!("{left_out} lines like this one were left out: {example}"),
                    left_out,
                });
            }
        });
    }
}

impl Inner {
    fn fate(&self, kind: &mut Kind) -> Fate {
        let now = Instant::now();
        let mut windows = lock(&self.windows);
        if windows.len() >= KINDS && !windows.contains_key(kind) {
            windows.retain(|_, window| window.left_out > 0 || now - window.since < WINDOW);
            if windows.len() >= KINDS {
                *kind = Kind::default();
            }
        }
        let window = windows.entry(kind.clone()).or_insert(Window {
            since: now,
            written: 0,
            left_out: 0,
        });
        let age = now - window.since;
        // If a line with the number of left out lines is still to come, that line ends the window. Without a
        // runtime no such line comes.
        if age >= WINDOW * if window.left_out == 0 { 1 } else { 2 } {
            (window.since, window.written, window.left_out) = (now, 0, 0);
        }
        if window.written < LINES {
            window.written += 1;
            return Fate::Written;
        }
        window.left_out += 1;
        match window.left_out {
            1 => Fate::First(window.since + WINDOW),
            _ => Fate::LeftOut,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn recorded() -> (Log, Arc<Mutex<Vec<String>>>) {
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let writes = lines.clone();
        let log = Log::new(Box::new(move |line| writes.lock().unwrap().push(line.text)));
        (log, lines)
    }

    #[test]
    fn a_text_of_a_client_is_quoted_and_cut() {
        assert_eq!(
            Quoted("a\n\"b\u{1b}[2J").to_string(),
            r#""a\n\"b\u{1b}[2J""#
        );
        let long = "é".repeat(1 << 20);
        let shown = format!("\"{}\"… (2097152 bytes)", "é".repeat(64));
        assert_eq!(Quoted(&long).to_string(), shown);
        assert_eq!(Quoted(&"x".repeat(64)).to_string().len(), 66);
    }

    /// An application's own error may quote all that a client has sent.
    #[test]
    fn a_line_is_cut() {
        let (log, lines) = recorded();
        let text = format!(
            "Error: no such item {}\n    at save (app.js:1:1)",
            "é".repeat(1 << 20)
        );
        log.write(Level::Error, Code::Failed, "", || text.clone());
        log.write(Level::Error, Code::Failed, "", || "short".into());
        let lines = lines.lock().unwrap();
        assert!(
            lines[0].len() <= LONGEST_LINE + 40,
            "{} bytes",
            lines[0].len()
        );
        assert!(lines[0].starts_with("Error: no such item é"));
        let size = format!("é… ({} bytes)", text.len());
        assert!(lines[0].ends_with(&size));
        assert_eq!(lines[1], "short");
    }

    proptest! {
        #[test]
        fn no_text_of_a_client_is_more_than_one_short_line(text in "\\PC{0,200}|[\\s\\S]{0,200}") {
            let line = Quoted(&text).to_string();
            prop_assert!(!line.chars().any(char::is_control), "{line:?}");
            prop_assert!(line.chars().count() < 64 * 10 + 40);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_lines_of_a_kind_and_then_how_many_were_left_out() {
        let (log, lines) = recorded();
        let write = |count, about: &str| {
            for number in 0..count {
                log.write(Level::Warn, Code::Failed, about, || {
                    format!("{about} {number}")
                });
            }
        };
        write(1000, "flood");
        // Another kind is not concerned.
        write(1, "other");
        log.write(Level::Warn, Code::Failed, "flood", || {
            "from elsewhere".into()
        });
        assert_eq!(lines.lock().unwrap().len(), 62);
        tokio::time::sleep(WINDOW + Duration::from_secs(1)).await;
        let last = lines.lock().unwrap().last().cloned();
        let said = "940 lines like this one were left out: flood 60";
        assert_eq!(last.as_deref(), Some(said));
        write(1000, "flood");
        assert_eq!(lines.lock().unwrap().len(), 123);
        // However slowly they come.
        for _ in 0..1000 {
            write(1, "flood");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert!(lines.lock().unwrap().len() < 500);
    }

    #[test]
    fn kinds_are_bounded() {
        let (log, _) = recorded();
        for number in 0..10 * KINDS {
            log.write(Level::Warn, Code::Failed, &number.to_string(), String::new);
        }
        assert!(log.0.windows.lock().unwrap().len() <= KINDS + 1);
    }
}
