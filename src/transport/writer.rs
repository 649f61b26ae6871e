//! The writing half of a socket.

use std::io;
use std::net::Shutdown;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::net::{tcp, unix};

/// The writing half of a socket. Unlike tokio's own it needs no `mut`: more than one may write.
#[derive(Debug)]
pub(super) enum Writer {
    Tcp(tcp::OwnedWriteHalf),
    Unix(unix::OwnedWriteHalf),
}

impl Writer {
    /// Writes as much as the socket takes now. Asks the socket itself: tokio's own knowledge of it would cost
    /// more. (Node has the process ignore `SIGPIPE`.)
    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(half) => SockRef::from(half.as_ref()).send(bytes),
            Self::Unix(half) => SockRef::from(half.as_ref()).send(bytes),
        }
    }

    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(half) => half.try_write(bytes),
            Self::Unix(half) => half.try_write(bytes),
        }
    }

    pub(super) fn poll_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(half) => half.as_ref().poll_write_ready(context),
            Self::Unix(half) => half.as_ref().poll_write_ready(context),
        }
    }

    pub(super) fn shutdown(&self) -> io::Result<()> {
        match self {
            Self::Tcp(half) => SockRef::from(half.as_ref()).shutdown(Shutdown::Write),
            Self::Unix(half) => SockRef::from(half.as_ref()).shutdown(Shutdown::Write),
        }
    }
}
