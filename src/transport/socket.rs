//! A socket of the system that two can write to: its connection, and any thread that has a whole frame for it
//! while the connection writes nothing.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream, tcp, unix};

use super::Transport;
use super::direct::Direct;
use super::writer::Writer;

/// A connected TCP or Unix socket as a byte stream.
#[derive(Debug)]
pub(super) struct Socket<Reader> {
    reader: Reader,
    /// The other half.
    direct: Arc<Direct>,
}

impl From<TcpStream> for Socket<tcp::OwnedReadHalf> {
    fn from(stream: TcpStream) -> Self {
        let (reader, writer) = stream.into_split();
        Self::new(reader, Writer::Tcp(writer))
    }
}

impl From<UnixStream> for Socket<unix::OwnedReadHalf> {
    fn from(stream: UnixStream) -> Self {
        let (reader, writer) = stream.into_split();
        Self::new(reader, Writer::Unix(writer))
    }
}

impl<Reader> Socket<Reader> {
    fn new(reader: Reader, writer: Writer) -> Self {
        let direct = Direct::new(writer);
        Self { reader, direct }
    }
}

impl<Reader: AsyncRead + Unpin> AsyncRead for Socket<Reader> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.reader).poll_read(context, buffer)
    }
}

impl<Reader: Unpin> AsyncWrite for Socket<Reader> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.direct.writer().poll_ready(context))?;
            match self.direct.writer().try_write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.direct.writer().shutdown())
    }
}

impl<Reader: AsyncRead + Send + Unpin + 'static> Transport for Socket<Reader> {
    fn direct(&self) -> Option<Arc<Direct>> {
        Some(self.direct.clone())
    }
}
