//! Bytes of a client, as frames: whatever they are, the connection ends with them, gives no message
//! that is over the limit, and says nothing that is no frame.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, split};
use tokio::time::timeout;

use super::{Input, block_on};
use crate::limits::Limits;
use crate::transport::handshake::UpgradeRequest;
use crate::transport::{Closed, Incoming, WebSocket};

/// Small, so that a fuzzer soon comes upon it.
const MESSAGE_BYTES: usize = 300;
/// What the server may hold back before the client reads.
const PIPE: usize = 256;

/// The first byte says in pieces of what size the others come; zero, that they choose frames.
pub fn frames(input: &[u8]) {
    let (size, bytes) = input.split_first().unwrap_or((&0, &[]));
    match size {
        0 => converse(64, &chosen(&mut Input(bytes))),
        size => converse(usize::from(*size), bytes),
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

fn converse(size: usize, bytes: &[u8]) {
    let limits = Limits {
        message_bytes: MESSAGE_BYTES,
        ..Limits::default()
    };
    let (server, client) = duplex(PIPE);
    let (mut reader, mut writer) = split(client);
    let receive = async move {
        let request = UpgradeRequest::example();
        let head = Vec::new();
        let accepted = WebSocket::accept(Box::new(server), head, &request, Some("x"), &limits);
        let mut socket = accepted.await.expect("a handshake that is in order");
        let mut received = Vec::new();
        let reason = loop {
            match socket.receive(true).await {
                Ok(Incoming::Text(text)) => received.push(text.len()),
                Ok(Incoming::Binary | Incoming::Written) => {}
                Err(reason) => break reason,
            }
        };
        socket.close(&reason).await;
        (received, reason)
    };
    let send = async move {
        for piece in bytes.chunks(size) {
            // Whoever has been refused need not be listened to.
            if writer.write_all(piece).await.is_err() {
                break;
            }
        }
        let _ = writer.shutdown().await;
    };
    let listen = async move {
        let mut said = Vec::new();
        let _ = reader.read_to_end(&mut said).await;
        said
    };
    let all = async { tokio::join!(receive, send, listen) };
    let ended = block_on(async { timeout(Duration::from_secs(4), all).await });
    let ((received, reason), (), said) = ended.expect("the connection ends");
    assert!(received.iter().all(|len| *len <= MESSAGE_BYTES));
    assert!(received.iter().sum::<usize>() <= bytes.len());
    judge(&said, reason, bytes);
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
        // Who goes away, or goes on behind a close, gets what has left by then.
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

/// Whether there is a close among a client's frames.
fn closes(mut sent: &[u8]) -> bool {
    while let [first, second, rest @ ..] = sent {
        if first & 0x0f == 8 {
            return true;
        }
        let (len, behind) = match (second & 0x7f, rest) {
            (126, [a, b, behind @ ..]) => (u64::from(u16::from_be_bytes([*a, *b])), behind),
            (127, [a, b, c, d, e, f, g, h, behind @ ..]) => {
                let bytes = [*a, *b, *c, *d, *e, *f, *g, *h];
                (u64::from_be_bytes(bytes), behind)
            }
            (len, behind) => (u64::from(len), behind),
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        let skip = usize::try_from(len)
            .unwrap_or(usize::MAX)
            .saturating_add(mask);
        sent = behind.get(skip..).unwrap_or_default();
    }
    false
}
