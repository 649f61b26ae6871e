//! Connections on one thread, to see the kernel's part of a workload.

use std::io::{Read, Result, Write};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(usize::MAX);

pub struct Connection {
    pub stream: TcpStream,
    pub answered: usize,
}

impl Connection {
    /// Writes the next of these answers, or the last one again.
    pub fn answer(&mut self, answers: &[&[u8]]) -> Result<()> {
        self.stream
            .write_all(answers[self.answered.min(answers.len() - 1)])?;
        self.answered += 1;
        Ok(())
    }
}

/// Accepts all connections, and hands on the bytes that each one reads: all connections, the number of the one that
/// has read, and these bytes. A message is shorter than the buffer, and none comes before its answer, so one read
/// takes a whole message. A connection that has ended is left to the process' end.
pub fn serve(mut handle: impl FnMut(&mut [Connection], usize, &[u8]) -> Result<()>) -> Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("{{\"port\":{}}}", listener.local_addr()?.port());
    let mut connections: Vec<Connection> = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            let at = event.token().0;
            if event.token() != LISTENER {
                if let Ok(read @ 1..) = connections[at].stream.read(&mut buffer) {
                    handle(&mut connections, at, &buffer[..read])?;
                }
                continue;
            }
            while let Ok((mut stream, _)) = listener.accept() {
                stream.set_nodelay(true)?;
                let token = Token(connections.len());
                poll.registry()
                    .register(&mut stream, token, Interest::READABLE)?;
                connections.push(Connection {
                    stream,
                    answered: 0,
                });
            }
        }
    }
}
