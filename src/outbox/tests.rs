//! An outbox whose messages go past the connection's task, to a real socket.

use std::os::fd::AsRawFd;
use std::sync::Arc;

use futures_util::{FutureExt, StreamExt};
use tokio::net::UnixStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::{CONNECTION, Dialect, Outbox};
use crate::budget::Budget;
use crate::limits::Limits;
use crate::protocol::extended::Encoded;
use crate::transport::{Descriptor, WebSocket};

/// An outbox, its connection, and the client.
async fn connected() -> (Arc<Outbox>, WebSocket, WebSocketStream<UnixStream>) {
    connected_of(1 << 20).await
}

/// The same, with another bound for the bytes that wait.
async fn connected_of(limit: usize) -> (Arc<Outbox>, WebSocket, WebSocketStream<UnixStream>) {
    let (server, client) = UnixStream::pair().unwrap();
    let transport = Descriptor::duplicate(server.as_raw_fd()).unwrap();
    drop(server);
    let transport = transport.into_transport().unwrap();
    let socket = WebSocket::over(transport, Vec::new(), &Limits::default());
    let outbox = Outbox::new(limit, Arc::new(Budget::new(1 << 30)), Dialect::Extended);
    outbox.set_direct(socket.direct(), &Arc::default());
    let client = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
    (outbox, socket, client)
}

async fn read(client: &mut WebSocketStream<UnixStream>) -> String {
    let message = client.next().await.unwrap().unwrap();
    message.into_text().unwrap().to_string()
}

#[tokio::test]
async fn what_waits_goes_before_what_is_written_at_once() {
    let (outbox, _socket, mut client) = connected().await;
    outbox.greet("[0]".to_owned());
    outbox.push(CONNECTION, "[1]".to_owned());
    assert!(!outbox.has_written(1));
    outbox.push_at_once(CONNECTION, "[2]".to_owned(), &Encoded::default());
    assert_eq!(read(&mut client).await, "[[0],[1],[2]]");
    assert_eq!(outbox.bytes(), 0);
    assert!(outbox.has_written(outbox.pushed()));
    outbox.push_at_once(CONNECTION, "[3]".to_owned(), &Encoded::default());
    assert_eq!(read(&mut client).await, "[3]");
}

#[tokio::test]
async fn what_a_full_socket_has_not_taken_is_not_written() {
    let (outbox, mut socket, mut client) = connected().await;
    let text = format!("[\"{}\"]", "x".repeat(10_000));
    let mut count = 0;
    while outbox.bytes() == 0 {
        // Something that waits is in each frame, so that messages are counted.
        outbox.push(CONNECTION, "[1]".to_owned());
        outbox.push_at_once(CONNECTION, text.clone(), &Encoded::default());
        count += 1;
    }
    assert!(!outbox.has_written(outbox.pushed()));
    // The connection has written something of its own before.
    outbox.written(0);
    assert!(!outbox.has_written(outbox.pushed()) && outbox.bytes() > text.len());
    outbox.push_at_once(CONNECTION, "[2]".to_owned(), &Encoded::default());
    let writing = async {
        socket.flush().await.unwrap();
        outbox.written(0);
        assert!(
            !outbox.has_written(outbox.pushed()),
            "a message still waits"
        );
        let bytes = outbox.take(|text| socket.start(text));
        socket.flush().await.unwrap();
        outbox.written(bytes);
    };
    let reading = async {
        for _ in 0..count {
            assert_eq!(read(&mut client).await, format!("[[1],{text}]"));
        }
        assert_eq!(read(&mut client).await, "[2]");
    };
    tokio::join!(writing, reading);
    assert!(outbox.has_written(outbox.pushed()) && outbox.bytes() == 0);
}

#[tokio::test]
async fn behind_the_end_of_a_connection_nothing_is_written() {
    let (outbox, socket, mut client) = connected().await;
    let direct = socket.direct().unwrap();
    let closing = socket.close(&crate::transport::Closed::Disconnected);
    let reading = async {
        assert!(client.next().await.unwrap().unwrap().is_close());
        assert!(direct.free(3).is_none());
        outbox.push_at_once(CONNECTION, "[1]".to_owned(), &Encoded::default());
        assert!(client.next().await.is_none_or(|end| end.is_err()));
    };
    tokio::join!(closing, reading);
}

#[tokio::test]
async fn whoever_waits_for_room_hears_of_what_is_written_at_once() {
    let (outbox, _socket, mut client) = connected_of(100).await;
    outbox.push(CONNECTION, format!("[\"{}\"]", "x".repeat(100)));
    assert!(!outbox.has_room());
    let mut room = Box::pin(outbox.changed());
    assert!((&mut room).now_or_never().is_none());
    // Before the connection's task has come to it, somebody else writes what waits.
    outbox.push_at_once(CONNECTION, "[2]".to_owned(), &Encoded::default());
    assert!(read(&mut client).await.ends_with(",[2]]"));
    assert!(outbox.has_room() && room.now_or_never().is_some());
}
