//! Bytes of a client, as frames: whatever they are, the connection ends with them, gives no message
//! that is over the limit, and says nothing that is no frame.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, split};
use tokio::time::timeout;

use super::block_on;
use crate::limits::Limits;
use crate::transport::handshake::UpgradeRequest;
use crate::transport::{Closed, Incoming, WebSocket};

/// Small, so that a fuzzer soon comes upon it.
const MESSAGE_BYTES: usize = 300;
/// What the server may hold back before the client reads.
const PIPE: usize = 256;

/// The first byte says in pieces of what size the others come.
pub fn frames(input: &[u8]) {
    let (size, bytes) = input.split_first().unwrap_or((&0, &[]));
    let size = usize::from(*size).max(1);
    let limits = Limits {
        message_bytes: MESSAGE_BYTES,
        ..Limits::default()
    };
    let (server, client) = duplex(PIPE);
    let (mut reader, mut writer) = split(client);
    let receive = async move {
        let request = request();
        let head = Vec::new();
        let accepted = WebSocket::accept(Box::new(server), head, &request, Some("x"), &limits);
        let mut socket = accepted.await.expect("a handshake that is in order");
        let mut received = Vec::new();
        let reason = loop {
            match socket.receive().await {
                Ok(Incoming::Text(text)) => received.push(text.len()),
                Ok(Incoming::Binary) => {}
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
    judge(&said, reason);
}

fn request() -> UpgradeRequest {
    UpgradeRequest {
        method: "GET".into(),
        http_minor: 1,
        upgrade: "websocket".into(),
        connection: "Upgrade".into(),
        key: Some("dGhlIHNhbXBsZSBub25jZQ==".into()),
        version: Some("13".into()),
        protocols: None,
        origin_allowed: true,
    }
}

/// Behind the handshake's response come pongs, and at most one close, the last: not masked, whole and
/// short (RFC 6455, 5.5).
fn judge(said: &[u8], reason: Closed) {
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
    // Half a frame is for those who have gone without a word, or who go on behind their own close.
    let abrupt = matches!(reason, Closed::Client | Closed::Protocol);
    assert!(rest.is_empty() || abrupt, "half a frame");
    match reason {
        Closed::TooLarge => assert_eq!(closed, Some(Some(1009))),
        Closed::Utf8 => assert_eq!(closed, Some(Some(1007))),
        Closed::Protocol => assert!(closed == Some(Some(1002)) || !rest.is_empty()),
        Closed::Client => {}
        other => panic!("closed with {other}"),
    }
}
