//! The HTML tokenizer, with spans and with the state switches that a tree builder would make.

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, State, Tokenizer};

/// One step of the tokenizer. Names are in lower case, values and text have their character
/// references resolved; positions are byte offsets into the source.
#[derive(Debug)]
pub(super) enum Token {
    /// `<name`.
    Open { name: String, start: usize },
    /// An attribute's name, of the start tag that is open or of the end tag to come.
    AttributeName { name: String, start: usize },
    /// The value of the attribute before it. An empty one is not reported.
    AttributeValue { value: String, start: usize },
    /// `>` of a start tag.
    Close { self_closing: bool, end: usize },
    /// A whole end tag.
    End { name: String, start: usize },
    /// A run of text.
    Text(String),
    /// A comment, also of the bogus kind.
    Comment { value: String, start: usize },
    /// A doctype.
    Doctype(String),
}

/// How the content of an element is read if it is not ordinary markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Text with character references (RCDATA).
    Escapable,
    /// Text without (raw text and script data).
    Raw,
    /// Text to the very end.
    Plaintext,
}

impl Content {
    /// How the content of `element` is read (WHATWG HTML 13.2.6.4: start tags switch the tokenizer's state;
    /// `noscript` as in a browser that runs scripts).
    pub(super) fn of(element: &str) -> Option<Content> {
        match element {
            "textarea" | "title" => Some(Content::Escapable),
            "script" | "style" | "xmp" | "iframe" | "noembed" | "noframes" | "noscript" => {
                Some(Content::Raw)
            }
            "plaintext" => Some(Content::Plaintext),
            _ => None,
        }
    }
}

/// Feeds `source` through the tokenizer, until it ends or `visit` fails.
pub(super) fn tokenize<E>(
    source: &str,
    mut visit: impl FnMut(Token) -> Result<(), E>,
) -> Result<(), E> {
    let emitter = CallbackEmitter::new(token);
    let mut tokenizer = Tokenizer::new_with_emitter(source, emitter);
    let mut element = String::new();
    // Reading from memory cannot fail, so the pattern always holds while there are tokens.
    while let Some(Ok(token)) = tokenizer.next() {
        match &token {
            Token::Open { name, .. } => element.clone_from(name),
            // Tokens come out before the tokenizer reads on, so the switch is in time.
            Token::Close { .. } => match (Content::of(&element), element.as_str()) {
                (Some(Content::Raw), "script") => tokenizer.set_state(State::ScriptData),
                (Some(Content::Raw), _) => tokenizer.set_state(State::RawText),
                (Some(Content::Escapable), _) => tokenizer.set_state(State::RcData),
                (Some(Content::Plaintext), _) => tokenizer.set_state(State::PlainText),
                (None, _) => {}
            },
            _ => {}
        }
        visit(token)?;
    }
    Ok(())
}

/// `text` with its character references resolved as in the text of an element.
pub(super) fn decode(text: &str) -> String {
    let mut decoded = String::new();
    let mut tokenizer = Tokenizer::new_with_emitter(text, CallbackEmitter::new(token));
    // Without a start tag before it, no end tag counts here: all of it is text.
    tokenizer.set_state(State::RcData);
    while let Some(Ok(token)) = tokenizer.next() {
        if let Token::Text(text) = token {
            decoded.push_str(&text);
        }
    }
    decoded
}

fn token(event: CallbackEvent<'_>, span: Span<usize>) -> Option<Token> {
    let string = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let start = span.start;
    Some(match event {
        CallbackEvent::OpenStartTag { name } => Token::Open {
            name: string(name),
            start,
        },
        CallbackEvent::AttributeName { name } => Token::AttributeName {
            name: string(name),
            start,
        },
        CallbackEvent::AttributeValue { value } => Token::AttributeValue {
            value: string(value),
            start,
        },
        CallbackEvent::CloseStartTag { self_closing } => Token::Close {
            self_closing,
            end: span.end,
        },
        CallbackEvent::EndTag { name } => Token::End {
            name: string(name),
            start,
        },
        CallbackEvent::String { value } => Token::Text(string(value)),
        CallbackEvent::Comment { value } => Token::Comment {
            value: string(value),
            start,
        },
        CallbackEvent::Doctype {
            name,
            public_identifier,
            system_identifier,
            ..
        } => Token::Doctype(
            [Some(name), public_identifier, system_identifier]
                .into_iter()
                .flatten()
                .map(string)
                .collect::<Vec<_>>()
                .join(" "),
        ),
        CallbackEvent::Error(_) => return None,
    })
}
