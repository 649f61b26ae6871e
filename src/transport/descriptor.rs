//! Taking over a socket by its file descriptor: Node parsed the upgrade request, from here on the
//! bytes never pass its thread again.

#![cfg_attr(unix, allow(unsafe_code))]

use std::io;

use super::BoxTransport;

/// Duplicates the descriptor of a connected TCP or Unix socket and makes a transport of the copy.
/// The caller closes its own descriptor afterwards, without shutting the connection down.
///
/// Must be called inside a tokio runtime.
///
/// # Errors
/// Where the descriptor is not open, or not a connected stream socket.
#[cfg(unix)]
pub fn from_descriptor(descriptor: i32) -> io::Result<BoxTransport> {
    use std::os::fd::BorrowedFd;

    use socket2::{Domain, SockRef, Type};

    if descriptor < 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the socket has no file descriptor",
        ));
    }
    // SAFETY: not negative, so not the reserved -1. Node holds it open: its thread is inside this
    // call with the socket that owns it, and closes it only after the call. The borrow ends with
    // the duplicate.
    let owned = unsafe { BorrowedFd::borrow_raw(descriptor) }.try_clone_to_owned()?;
    let socket = SockRef::from(&owned);
    if socket.r#type()? != Type::STREAM {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the descriptor is not a stream socket",
        ));
    }
    socket.set_nonblocking(true)?;
    match socket.local_addr()?.domain() {
        Domain::UNIX => {
            let stream = std::os::unix::net::UnixStream::from(owned);
            Ok(Box::new(tokio::net::UnixStream::from_std(stream)?))
        }
        _ => {
            // Patches are small and each one is waited for (RFC 1122, 4.2.3.4: Nagle).
            socket.set_tcp_nodelay(true)?;
            let stream = std::net::TcpStream::from(owned);
            Ok(Box::new(tokio::net::TcpStream::from_std(stream)?))
        }
    }
}

/// Sockets have no descriptors that could be handed over here; they are bridged.
///
/// # Errors
/// Always.
#[cfg(not(unix))]
pub fn from_descriptor(_descriptor: i32) -> io::Result<BoxTransport> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "file descriptors cannot be taken over on this platform",
    ))
}
