//! The direct way to a socket: if the connection writes nothing itself, any thread that has a whole frame
//! writes the frame.
//!
//! A change that thousands of pages get would otherwise wake the task of each connection, and each of these
//! tasks would write one frame.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::task::{Poll, ready};

use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::writer::Writer;
use crate::sync::{Mutex, MutexGuard, lock};

/// The longest message that is written so, in bytes. A longer one goes out in fragments, between which the connection
/// can answer a ping.
const LONGEST: usize = u16::MAX as usize;
/// The longest header of such a frame (RFC 6455, 5.2).
const HEADER: usize = 4;

#[derive(Debug)]
struct State {
    /// The connection writes, or has closed: nobody else may.
    is_claimed: bool,
    /// The end of a frame that the socket did not take. The connection writes it before anything else.
    rest: Vec<u8>,
}

/// The writing half of a socket, which more than its connection may use. The lock is held for one write that does not
/// block; those who wait for it have something to write to the same socket.
///
/// Architecture invariant: between two bytes of one frame stands no byte of another, because the connection claims the
/// socket before it writes and lets go when all is written, and writes the rest of a frame first. The tests of
/// `src/transport/direct.rs` watch it (`frames_of_two_writers_stay_whole`).
#[derive(Debug)]
pub struct Direct {
    writer: Writer,
    state: Mutex<State>,
}

/// The socket, while nobody else writes to it.
pub(crate) struct Free<'a>(&'a Writer, MutexGuard<'a, State>);

impl Direct {
    pub(super) fn new(writer: Writer) -> Arc<Self> {
        Arc::new(Self {
            writer,
            state: Mutex::new(State {
                // The opening handshake comes first.
                is_claimed: true,
                rest: Vec::new(),
            }),
        })
    }

    /// The writing half, for the connection.
    pub(super) fn writer(&self) -> &Writer {
        &self.writer
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The socket, if a message of so many bytes may be written to it now, in one frame.
    pub(crate) fn free(&self, bytes: usize) -> Option<Free<'_>> {
        let state = self.lock();
        let is_free = !state.is_claimed && state.rest.is_empty() && bytes <= LONGEST;
        is_free.then_some(Free(&self.writer, state))
    }

    /// Whether there is the end of a frame, which the connection has to write.
    pub(crate) fn has_rest(&self) -> bool {
        !self.lock().rest.is_empty()
    }

    /// Nobody but the connection writes from now on, until it [lets go](Self::release). Resolves when the socket has
    /// the rest of a frame that was begun.
    pub(super) fn poll_claim(
        &self,
        mut write: impl FnMut(&[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.lock();
        state.is_claimed = true;
        while !state.rest.is_empty() {
            let written = ready!(write(&state.rest))?;
            if written == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            state.rest.drain(..written);
        }
        state.rest = Vec::new();
        Poll::Ready(Ok(()))
    }

    /// The connection has written all that it had.
    pub(super) fn release(&self) {
        self.lock().is_claimed = false;
    }
}

impl Free<'_> {
    /// Writes a text message. False if the socket does not take all of it: the connection's task then has to be woken,
    /// and writes the rest.
    pub(crate) fn write(self, text: &str) -> bool {
        let Self(writer, mut state) = self;
        let header = FrameHeader {
            opcode: OpCode::Data(Data::Text),
            ..FrameHeader::default()
        };
        let mut frame = Vec::with_capacity(HEADER + text.len());
        // Writing to memory does not fail.
        let _ = header.format(text.len() as u64, &mut frame);
        frame.extend_from_slice(text.as_bytes());
        let written = loop {
            match writer.send(&frame) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The socket is full, or broken: the connection will see which.
                Err(_) => break 0,
                Ok(written) => break written,
            }
        };
        if written == frame.len() {
            return true;
        }
        frame.drain(..written);
        state.rest = frame;
        false
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::fd::AsRawFd;
    use std::time::Duration;

    use futures_util::{FutureExt, StreamExt};
    use proptest::prelude::*;
    use tokio::net::UnixStream;
    use tokio::time::timeout;
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::protocol::Role;

    use super::*;
    use crate::limits::Limits;
    use crate::transport::{Descriptor, WebSocket};

    /// The actions on one socket, in turn.
    #[derive(Clone, Debug)]
    enum Step {
        /// Somebody writes past the connection.
        Direct(usize),
        /// The connection writes.
        Own(usize),
        /// The client reads a message.
        Read,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let size = prop_oneof![1usize..200, 3000usize..LONGEST - 10];
        let step = prop_oneof![
            4 => size.clone().prop_map(Step::Direct),
            2 => size.prop_map(Step::Own),
            1 => Just(Step::Read),
        ];
        prop::collection::vec(step, 1..60)
    }

    async fn check(steps: Vec<Step>) {
        let (server, client) = UnixStream::pair().unwrap();
        // The system doubles this. Many steps find the socket full.
        socket2::SockRef::from(&server)
            .set_send_buffer_size(8 * 1024)
            .unwrap();
        let transport = Descriptor::duplicate(server.as_raw_fd()).unwrap();
        drop(server);
        let mut socket = WebSocket::over(
            transport.into_transport().unwrap(),
            Vec::new(),
            &Limits::default(),
        );
        let mut client = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
        let direct = socket.direct().unwrap();
        let mut expected = Vec::new();
        let mut read = Vec::new();
        // As the connection's task does: writes as much as the socket takes.
        let go_on = |socket: &mut WebSocket| {
            let _ = socket.flush().now_or_never();
        };
        for (number, step) in steps.into_iter().enumerate() {
            let text = |size: usize| format!("{number} {}", "x".repeat(size));
            match step {
                Step::Direct(size) => {
                    let text = text(size);
                    // Bytes that cannot go this way wait for the connection.
                    let Some(free) = direct.free(text.len()) else {
                        continue;
                    };
                    if !free.write(&text) {
                        go_on(&mut socket);
                    }
                    expected.push(text);
                }
                Step::Own(size) => {
                    let text = text(size);
                    socket.start(text.clone());
                    expected.push(text);
                    go_on(&mut socket);
                }
                Step::Read if read.len() < expected.len() => tokio::select! {
                    message = client.next() => read.push(message.unwrap().unwrap()),
                    () = written(&mut socket) => unreachable!(),
                },
                Step::Read => {}
            }
        }
        while read.len() < expected.len() {
            tokio::select! {
                message = client.next() => read.push(message.unwrap().unwrap()),
                () = written(&mut socket) => unreachable!(),
            }
        }
        let read = read
            .into_iter()
            .map(|message| message.into_text().unwrap().to_string());
        assert!(read.eq(expected), "a message was changed, lost or moved");
    }

    /// Has the connection write as much as the socket takes, for ever.
    async fn written(socket: &mut WebSocket) {
        socket.flush().await.unwrap();
        std::future::pending().await
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn frames_of_two_writers_stay_whole(steps in steps()) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let checking = async { timeout(Duration::from_secs(30), check(steps)).await };
            runtime.block_on(checking).expect("a frame's rest was never written");
        }
    }
}
