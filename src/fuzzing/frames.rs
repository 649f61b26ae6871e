//! Bytes of a client, as frames. Whatever the bytes are: the connection ends with them, gives no message that
//! is over the limit, writes only whole frames, and holds no more for the client than is counted and bounded.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, split};
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::{Input, block_on};
use crate::budget::{Budget, Share};
use crate::limits::Limits;
use crate::transport::handshake::UpgradeRequest;
use crate::transport::{Closed, Incoming, WebSocket};

/// Small, so that a fuzzer soon comes upon it.
const MESSAGE_BYTES: usize = 300;
/// What the server may hold back before the client reads.
const PIPE: usize = 256;

/// Each task has so many turns. A task that still waits then counts as waiting.
const ROUNDS: usize = 64;
/// The most of a control frame's bytes, with its mask.
const CONTROL: usize = 2 + 4 + 125;
/// What the server may have taken of pings, in bytes of their pongs, from a client that does not read: what
/// fills the pipe, one more, and those that it has read ahead or not read at all.
const MOST_PONGS: usize = PIPE + CONTROL + 2 * 1024 + PIPE;

/// The first byte gives the size of the pieces in which the others come; zero means that the bytes choose
/// frames.
pub fn frames(input: &[u8]) {
    let (size, bytes) = input.split_first().unwrap_or((&0, &[]));
    match size {
        0 => {
            let mut input = Input(bytes);
            let how = input.byte();
            let mut frames = chosen(&mut input);
            // The last one is cut.
            frames.truncate(frames.len().saturating_sub(usize::from(how / 2)));
            converse(64, &frames, how % 2 == 1);
        }
        size => converse(usize::from(*size), bytes, false),
    }
}

/// Frames that mostly are in order, which a search among bytes seldom comes upon.
fn chosen(input: &mut Input<'_>) -> Vec<u8> {
    const FIRST: [u8; 8] = [0x81, 0x01, 0x00, 0x80, 0x88, 0x89, 0x8a, 0x82];
    const LENGTHS: [u16; 8] = [0, 1, 100, 125, 126, 200, 300, 301];
    let mut frames = Vec::new();
    while !input.is_empty() {
        frames.push(FIRST[input.below(8)]);
        let len = LENGTHS[input.below(8)];
        if len < 126 {
            frames.push(0x80 | len as u8);
        } else {
            frames.push(0xfe);
            frames.extend(len.to_be_bytes());
        }
        frames.extend([0; 4]);
        frames.extend(std::iter::repeat_n(input.byte(), len.into()));
    }
    frames
}

/// What there is to see while the client has nothing more to say, or cannot say it.
struct Seen<'a> {
    /// The bytes that the client has sent.
    sent: &'a [u8],
    /// What the server counts of a message that is not whole.
    counted: usize,
    /// The server still listens.
    is_open: bool,
}

/// A client that `is_late` reads only once it cannot go on.
fn converse(size: usize, bytes: &[u8], is_late: bool) {
    let limits = Limits {
        message_bytes: MESSAGE_BYTES,
        ..Limits::default()
    };
    let (server, client) = duplex(PIPE);
    let (mut reader, mut writer) = split(client);
    let budget = Arc::new(Budget::new(usize::MAX));
    let share = Arc::new(Share::new(budget.clone()));
    let is_open = Cell::new(true);
    let reads = Notify::new();
    let receive = async {
        let request = UpgradeRequest::example();
        let head = Vec::new();
        let accepted = WebSocket::accept(Box::new(server), head, &request, Some("x"), &limits);
        let mut socket = accepted.await.expect("a handshake that is in order");
        socket.count_in(share.clone());
        let mut received = Vec::new();
        let reason = loop {
            match socket.receive(true).await {
                Ok(Incoming::Text(text)) => received.push(text.len()),
                Ok(Incoming::Binary | Incoming::Written) => {}
                Err(reason) => break reason,
            }
        };
        is_open.set(false);
        socket.close(&reason).await;
        (received, reason)
    };
    let send = async {
        let mut sent = 0;
        let mut seen = None;
        let see = |sent| Seen {
            sent: &bytes[..sent],
            counted: share.bytes(),
            is_open: is_open.get(),
        };
        while sent < bytes.len() {
            let piece = &bytes[sent..bytes.len().min(sent + size)];
            let mut write = pin!(writer.write(piece));
            let written = match at_once(write.as_mut()).await {
                Some(written) => written,
                None => {
                    seen.get_or_insert_with(|| see(sent));
                    reads.notify_one();
                    write.await
                }
            };
            // A client that has been refused need not be read from.
            let Ok(written) = written else { break };
            sent += written;
        }
        let _ = at_once(pin!(std::future::pending::<()>())).await;
        let seen = seen.unwrap_or_else(|| see(sent));
        reads.notify_one();
        let _ = writer.shutdown().await;
        seen
    };
    let listen = async {
        if is_late {
            reads.notified().await;
        }
        let mut said = Vec::new();
        let _ = reader.read_to_end(&mut said).await;
        said
    };
    let all = async { tokio::join!(receive, send, listen) };
    let ended = block_on(async { timeout(Duration::from_secs(4), all).await });
    let ((received, reason), seen, said) = ended.expect("the connection ends");
    assert!(received.iter().all(|len| *len <= MESSAGE_BYTES));
    assert!(received.iter().sum::<usize>() <= bytes.len());
    judge(&said, reason, bytes);
    holds_little(&seen, is_late);
    drop(share);
    assert_eq!(budget.waiting(), 0, "bytes that nobody has given back");
}

/// Behind the handshake's response come pongs, and at most one close, the last: not masked, whole and
/// short (RFC 6455, 5.5).
fn judge(said: &[u8], reason: Closed, sent: &[u8]) {
    let head = said.windows(4).position(|four| four == b"\r\n\r\n");
    let mut rest = &said[head.expect("a response") + 4..];
    let mut closed = None;
    while let [first, len, more @ ..] = rest {
        assert_eq!(closed, None, "something behind the close");
        let len = usize::from(*len);
        assert!(len <= 125, "a control frame of {len} bytes");
        let Some((payload, behind)) = more.split_at_checked(len) else {
            break;
        };
        match first {
            0x8a => {}
            0x88 => {
                let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                closed = Some(code);
            }
            other => panic!("a frame that begins with {other:#x}"),
        }
        rest = behind;
    }
    if reason == Closed::Client || closes(sent) {
        // A client that goes away, or goes on after a close, gets the frames that have left by then.
        return;
    }
    assert!(rest.is_empty(), "half a frame");
    let code = match reason {
        Closed::TooLarge => 1009,
        Closed::Utf8 => 1007,
        Closed::Protocol => 1002,
        other => panic!("closed with {other}"),
    };
    assert_eq!(closed, Some(Some(code)));
}

/// What comes of it, or `None` if it still waits when all others do.
async fn at_once<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    for _ in 0..ROUNDS {
        let poll = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
        if let Poll::Ready(output) = poll {
            return Some(output);
        }
        yield_now().await;
    }
    None
}

/// If a client does not read, no more of its pings are taken than there is room for their pongs; and the part
/// of a message that has come is counted.
fn holds_little(seen: &Seen<'_>, is_late: bool) {
    if !seen.is_open {
        return;
    }
    let (mut pongs, mut begun) = (0, 0);
    for frame in Frames(seen.sent) {
        match (frame.first, frame.is_whole) {
            (0x89, true) => pongs += frame.payload + 2,
            (0x88.., true) => {}
            (0x80.., true) => begun = 0,
            _ => begun += frame.bytes,
        }
    }
    if is_late {
        assert!(pongs <= MOST_PONGS, "pongs of {pongs} bytes wait");
        return;
    }
    let counted = seen.counted;
    // Bytes that came in one read with the end of another message are not counted yet.
    assert!(begun <= counted + PIPE, "{counted} of {begun} are counted");
    assert!(
        counted <= begun + CONTROL,
        "{counted} of {begun} are counted"
    );
}

/// One frame of a client.
struct Frame {
    first: u8,
    payload: usize,
    /// Its bytes that are there.
    bytes: usize,
    is_whole: bool,
}

/// Bytes read as frames, whatever they say; the last may not be whole.
struct Frames<'a>(&'a [u8]);

impl Iterator for Frames<'_> {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let sent = self.0;
        let [first, rest @ ..] = sent else {
            return None;
        };
        let second = rest.first().copied().unwrap_or_default();
        let extended = rest.get(1..).unwrap_or_default();
        let (len, header) = match (second & 0x7f, extended) {
            (126, [a, b, ..]) => (u64::from(u16::from_be_bytes([*a, *b])), 4),
            (127, [a, b, c, d, e, f, g, h, ..]) => {
                let bytes = [*a, *b, *c, *d, *e, *f, *g, *h];
                (u64::from_be_bytes(bytes), 10)
            }
            (126.., _) => (u64::MAX, 2),
            (len, _) => (u64::from(len), 2),
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        let payload = usize::try_from(len).unwrap_or(usize::MAX);
        let whole = payload.saturating_add(header + mask);
        let bytes = whole.min(sent.len());
        self.0 = &sent[bytes..];
        Some(Frame {
            first: *first,
            payload,
            bytes,
            is_whole: whole <= sent.len(),
        })
    }
}

/// Whether there is a close among a client's frames.
fn closes(sent: &[u8]) -> bool {
    Frames(sent).any(|frame| frame.first & 0x0f == 8)
}
