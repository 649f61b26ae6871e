//! What the kernel takes of an event: reads what comes and writes a frame of the size of a counter's answer, on one
//! thread, and does nothing else.

use std::io::{ErrorKind, Read, Result, Write};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(usize::MAX);
/// To the upgrade, to the join and to an event.
const ANSWERS: [&[u8]; 3] = [
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    b"\x81\x14[\"j\",0,0,0,\"secret\"]",
    b"\x81\x11[0,1,0,\"1234567\"]",
];

struct Connection {
    stream: TcpStream,
    answered: usize,
}

impl Connection {
    fn answer(&mut self, buffer: &mut [u8]) -> Result<()> {
        // A message is shorter than the buffer, and none comes before its answer: one read takes it whole.
        if self.stream.read(buffer)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.stream.write_all(ANSWERS[self.answered.min(2)])?;
        self.answered += 1;
        Ok(())
    }
}

fn main() -> Result<()> {
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
            if event.token() != LISTENER {
                // One that has ended is left to the process' end.
                let _ = connections[event.token().0].answer(&mut buffer);
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
