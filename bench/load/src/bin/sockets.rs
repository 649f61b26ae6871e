//! The kernel's cost of an event: reads each message and writes a frame of the size of a counter's answer, on one
//! thread, and does nothing else.

#[path = "../kernel.rs"]
mod kernel;

/// The answers to the upgrade, to the join and to an event.
const ANSWERS: [&[u8]; 3] = [
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    b"\x81\x14[\"j\",0,0,0,\"secret\"]",
    b"\x81\x11[0,1,0,\"1234567\"]",
];

fn main() -> std::io::Result<()> {
    kernel::serve(|connections, at, _| {
        // Fails for a connection that has ended.
        let _ = connections[at].answer(&ANSWERS);
        Ok(())
    })
}
