//! A JavaScript socket as a transport: for TLS, and if descriptors cannot be handed over.
//!
//! JavaScript pushes the bytes that it has read, and pulls the bytes that it is to write. Each direction
//! has a bound, and the side that takes says when there is room again.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::sync::{Mutex, MutexGuard, lock, wake};

/// The most bytes that wait in each direction. One TLS record is 16 KiB.
const WINDOW: usize = 16 * 1024;

/// The next thing that JavaScript has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelaySignal {
    /// Pull: there are bytes to write, or the end.
    Output,
    /// Go on reading from the socket.
    Resume,
}

#[derive(Default)]
struct State {
    input: BytesMut,
    input_ended: bool,
    /// JavaScript was told to stop reading, and waits for [`RelaySignal::Resume`]. Set by `push`, cleared
    /// with that signal.
    paused: bool,
    reader: Option<Waker>,
    output: BytesMut,
    output_ended: bool,
    /// The connection is over: the socket is to be destroyed, with the bytes that it still holds.
    gone: bool,
    /// Bytes pulled by JavaScript that the socket has not taken yet.
    unwritten: usize,
    writer: Option<Waker>,
    broken: bool,
}

type Signal = Box<dyn Fn(RelaySignal) + Send + Sync>;

struct Inner {
    /// A `std` lock, held for a copy of bytes, and released before `signal` is called.
    state: Mutex<State>,
    signal: Signal,
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// The next things that a relayed socket has to do.
#[derive(Debug, PartialEq, Eq)]
pub struct Output {
    /// The bytes to write.
    pub bytes: Bytes,
    /// The writing side is to be ended after these bytes.
    pub ended: bool,
    /// The socket is to be destroyed, because a client that takes nothing would hold it for ever.
    pub gone: bool,
}

/// The end for JavaScript.
#[derive(Clone)]
pub struct Relay(Arc<Inner>);

/// The end for the connection, which reads and writes it.
pub struct RelayStream(Arc<Inner>);

/// A pair of ends. `signal` is called on any thread when JavaScript has something to do.
pub fn relay(signal: Signal) -> (Relay, RelayStream) {
    let inner = Arc::new(Inner {
        state: Mutex::default(),
        signal,
    });
    (Relay(inner.clone()), RelayStream(inner))
}

impl Relay {
    /// Takes bytes that the socket has read. `false` asks to stop reading until [`RelaySignal::Resume`].
    pub fn push(&self, bytes: &[u8]) -> bool {
        let mut state = self.0.lock();
        if state.broken {
            return true;
        }
        state.input.extend_from_slice(bytes);
        state.paused = state.input.len() >= WINDOW;
        let (go_on, reader) = (!state.paused, state.reader.take());
        drop(state);
        wake(reader);
        go_on
    }

    /// The socket's other end has sent its last byte.
    pub fn end(&self) {
        let mut state = self.0.lock();
        state.input_ended = true;
        let reader = state.reader.take();
        drop(state);
        wake(reader);
    }

    /// The socket is gone: reads end and writes fail.
    pub fn destroy(&self) {
        let mut state = self.0.lock();
        state.input_ended = true;
        state.broken = true;
        state.output.clear();
        let (reader, writer) = (state.reader.take(), state.writer.take());
        drop(state);
        wake(reader);
        wake(writer);
    }

    /// Takes all bytes that are to be written.
    pub fn pull(&self) -> Output {
        let mut state = self.0.lock();
        let bytes = std::mem::take(&mut state.output).freeze();
        state.unwritten += bytes.len();
        Output {
            bytes,
            ended: state.output_ended,
            gone: state.gone,
        }
    }

    /// The socket has taken `count` of the pulled bytes.
    pub fn written(&self, count: usize) {
        let mut state = self.0.lock();
        state.unwritten = state.unwritten.saturating_sub(count);
        let writer = state.writer.take();
        drop(state);
        wake(writer);
    }
}

impl AsyncRead for RelayStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        if state.input.is_empty() {
            if state.input_ended {
                return Poll::Ready(Ok(()));
            }
            state.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let count = state.input.len().min(buffer.remaining());
        if let Some(bytes) = state.input.get(..count) {
            buffer.put_slice(bytes);
        }
        state.input.advance(count);
        if state.input.is_empty() {
            // An idle connection holds no buffer.
            state.input = BytesMut::new();
        }
        let resume = state.paused && state.input.len() < WINDOW;
        if resume {
            state.paused = false;
        }
        drop(state);
        if resume {
            (self.0.signal)(RelaySignal::Resume);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for RelayStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        if state.broken || state.output_ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = WINDOW.saturating_sub(state.output.len() + state.unwritten);
        if room == 0 {
            state.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        let count = bytes.len().min(room);
        let signal = state.output.is_empty();
        if let Some(bytes) = bytes.get(..count) {
            state.output.extend_from_slice(bytes);
        }
        drop(state);
        if signal {
            (self.0.signal)(RelaySignal::Output);
        }
        Poll::Ready(Ok(count))
    }

    /// Resolves when the socket has taken everything, so that a slow reader is noticed.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        if state.broken {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if state.output.is_empty() && state.unwritten == 0 {
            return Poll::Ready(Ok(()));
        }
        state.writer = Some(context.waker().clone());
        Poll::Pending
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        end_output(&self.0, false);
        Poll::Ready(Ok(()))
    }
}

fn end_output(inner: &Inner, gone: bool) {
    let mut state = inner.lock();
    let signal = !state.broken && (gone || !state.output_ended);
    state.output_ended = true;
    state.gone = gone;
    drop(state);
    if signal {
        (inner.signal)(RelaySignal::Output);
    }
}

impl Drop for RelayStream {
    fn drop(&mut self) {
        end_output(&self.0, true);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn pair() -> (Relay, RelayStream, Arc<[AtomicUsize; 2]>) {
        let counts: Arc<[AtomicUsize; 2]> = Arc::default();
        let signals = counts.clone();
        let (relay, stream) = relay(Box::new(move |signal| {
            let [output, resume] = &*signals;
            let count = match signal {
                RelaySignal::Output => output,
                RelaySignal::Resume => resume,
            };
            count.fetch_add(1, Ordering::Relaxed);
        }));
        (relay, stream, counts)
    }

    #[tokio::test]
    async fn reading_is_paused_at_the_window_and_resumed() {
        let (relay, mut stream, counts) = pair();
        assert!(relay.push(b"abc"));
        assert!(!relay.push(&[0; WINDOW]));
        let mut read = vec![0; WINDOW + 3];
        stream.read_exact(&mut read).await.unwrap();
        assert_eq!(counts[1].load(Ordering::Relaxed), 1);
        relay.end();
        assert_eq!(stream.read(&mut read).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn writing_waits_until_the_socket_has_taken_it() {
        let (relay, mut stream, counts) = pair();
        stream.write_all(&[1; WINDOW]).await.unwrap();
        assert_eq!(counts[0].load(Ordering::Relaxed), 1);
        let output = relay.pull();
        assert_eq!((output.bytes.len(), output.ended), (WINDOW, false));
        let mut more = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(async move {
            stream.write_all(b"x").await.unwrap();
            stream.flush().await.unwrap();
        }));
        tokio::task::yield_now().await;
        assert!(!more.is_finished());
        relay.written(WINDOW);
        tokio::task::yield_now().await;
        assert_eq!(&*relay.pull().bytes, b"x");
        relay.written(1);
        (&mut more).await.unwrap();
        let output = relay.pull();
        assert!(output.bytes.is_empty() && output.ended && output.gone);
    }

    #[tokio::test]
    async fn a_destroyed_socket_ends_both_directions() {
        let (relay, mut stream, _) = pair();
        relay.destroy();
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
        assert!(stream.write_all(b"x").await.is_err());
        assert!(stream.flush().await.is_err());
    }
}
