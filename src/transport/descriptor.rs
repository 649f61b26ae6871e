//! Taking over a socket by its file descriptor: Node parsed the upgrade request, from here on the
//! bytes never pass its thread again.

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
    /// Duplicates the descriptor of a connected TCP or Unix socket. The caller closes its own
    /// afterwards, without shutting the connection down.
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
        // SAFETY: not negative, so not the reserved -1. Node holds it open: its thread is inside this
        // call with the socket that owns it, and closes it only after the call. The borrow ends with
        // the duplicate.
        let borrowed = unsafe { std::os::fd::BorrowedFd::borrow_raw(descriptor) };
        borrowed.try_clone_to_owned().map(Self)
    }

    /// The socket as a transport. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// If it is no socket, or cannot be watched.
    pub fn into_transport(self) -> io::Result<BoxTransport> {
        use socket2::{Domain, SockRef};

        let socket = SockRef::from(&self.0);
        socket.set_nonblocking(true)?;
        match socket.local_addr()?.domain() {
            Domain::UNIX => {
                let stream = std::os::unix::net::UnixStream::from(self.0);
                Ok(Box::new(tokio::net::UnixStream::from_std(stream)?))
            }
            _ => {
                // Patches are small and each one is waited for (RFC 1122, 4.2.3.4: Nagle).
                socket.set_tcp_nodelay(true)?;
                let stream = std::net::TcpStream::from(self.0);
                Ok(Box::new(tokio::net::TcpStream::from_std(stream)?))
            }
        }
    }
}

/// Sockets have no descriptors that could be handed over here; they are relayed.
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
    /// Never: there is none.
    pub fn into_transport(self) -> io::Result<BoxTransport> {
        match self.0 {}
    }
}
