//! Takes over a socket by its file descriptor. Node has parsed the upgrade request; from here on the bytes
//! do not pass Node's thread.
//!
//! Architecture invariant: the only `unsafe` code stands in this file, and in what napi's macros generate.
//! `__test__/package/invariants.test.ts` watches it.

#![cfg_attr(unix, allow(unsafe_code))]

use std::io;

use super::BoxTransport;

/// One of Node's sockets, held open by a descriptor of our own.
#[derive(Debug)]
pub struct Descriptor(
    #[cfg(unix)] std::os::fd::OwnedFd,
    #[cfg(not(unix))] std::convert::Infallible,
);

#[cfg(unix)]
impl Descriptor {
    /// Duplicates the descriptor of a connected TCP or Unix socket. The caller then closes its own
    /// descriptor, without shutting the connection down.
    ///
    /// # Errors
    /// If the descriptor is not open, or the process has too many.
    pub fn duplicate(descriptor: i32) -> io::Result<Self> {
        if descriptor < 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the socket has no file descriptor",
            ));
        }
        // SAFETY: the descriptor is not negative, so it is not the reserved -1. Node holds the descriptor
        // open: its thread is inside this call with the socket that owns the descriptor, and closes it only
        // after the call. The borrow ends when the duplicate is made.
        let borrowed = unsafe { std::os::fd::BorrowedFd::borrow_raw(descriptor) };
        borrowed.try_clone_to_owned().map(Self)
    }

    /// The socket as a transport. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// If the descriptor is not a socket, or cannot be watched.
    pub fn into_transport(self) -> io::Result<BoxTransport> {
        use super::socket::Socket;
        use socket2::{Domain, SockRef};

        let socket = SockRef::from(&self.0);
        socket.set_nonblocking(true)?;
        match socket.local_addr()?.domain() {
            Domain::UNIX => {
                let stream = std::os::unix::net::UnixStream::from(self.0);
                let stream = tokio::net::UnixStream::from_std(stream)?;
                Ok(Box::new(Socket::from(stream)))
            }
            _ => {
                // Nagle's algorithm would hold small patches back, and a user waits for each (RFC 1122,
                // 4.2.3.4).
                socket.set_tcp_nodelay(true)?;
                let stream = std::net::TcpStream::from(self.0);
                let stream = tokio::net::TcpStream::from_std(stream)?;
                Ok(Box::new(Socket::from(stream)))
            }
        }
    }
}

/// On this platform sockets have no descriptors to hand over; all sockets are relayed.
#[cfg(not(unix))]
impl Descriptor {
    /// # Errors
    /// Always.
    pub fn duplicate(_descriptor: i32) -> io::Result<Self> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "file descriptors cannot be taken over on this platform",
        ))
    }

    /// # Errors
    /// Never: on this platform the value cannot exist.
    pub fn into_transport(self) -> io::Result<BoxTransport> {
        match self.0 {}
    }
}
