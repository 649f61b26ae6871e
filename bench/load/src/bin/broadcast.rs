//! What the kernel takes of a message that many get: writes a frame of the size of the one that `loom` sends to each
//! connection, one after the other on one thread, and does nothing else. Speaks to bench/publish.mjs as
//! bench/servers/publish.mjs does.

use std::io::{ErrorKind, Read, Result, Write};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(usize::MAX);
/// To the upgrade and to the join.
const ANSWERS: [&[u8]; 2] = [
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    b"\x81\x14[\"j\",0,0,0,\"secret\"]",
];

struct Connection {
    stream: TcpStream,
    answered: usize,
}

/// CPU time of this process so far, in microseconds.
fn used() -> f64 {
    let schedstat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = schedstat.split(' ').next().and_then(|text| text.parse::<f64>().ok());
    nanoseconds.unwrap_or_default() / 1e3
}

fn number(request: &str, name: &str) -> f64 {
    let value = request.split(&format!("{name}=")).nth(1).unwrap_or_default();
    let end = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    value[..end].parse().unwrap_or_default()
}

fn publish(connections: &mut [Connection], request: &str, last: &mut u32) -> String {
    let (count, rate) = (number(request, "count"), number(request, "rate"));
    let (before, began) = (used(), Instant::now());
    let mut sent = Vec::new();
    for at in 0..count as u32 {
        let due = began + Duration::from_secs_f64(f64::from(at) / rate);
        sleep(due.saturating_duration_since(Instant::now()));
        *last += 1;
        let frame = format!("\u{81}\u{13}[0,0,[0,\"v{last:06}\"]]");
        let frame: Vec<u8> = frame.chars().map(|c| c as u8).collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        sent.push(format!("\"v{last:06}\":{:.3}", now.as_secs_f64() * 1e3));
        for connection in connections.iter_mut().filter(|one| one.answered > 1) {
            // One that takes nothing would be seen by its viewer's count.
            let _ = connection.stream.write(&frame);
        }
    }
    let cost = used() - before;
    sleep(Duration::from_secs(1));
    format!("{{\"main\":{cost},\"all\":{cost},\"sent\":{{{}}}}}", sent.join(","))
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
    let mut last = 0;
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() != LISTENER {
                let at = event.token().0;
                let read = match connections[at].stream.read(&mut buffer) {
                    Ok(read) => read,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                    Err(_) => 0,
                };
                let request = String::from_utf8_lossy(&buffer[..read]).into_owned();
                if request.starts_with("GET /go") {
                    let body = publish(&mut connections, &request, &mut last);
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                    let stream = &mut connections[at].stream;
                    stream.write_all(format!("{head}{body}").as_bytes())?;
                } else if read > 0 {
                    let connection = &mut connections[at];
                    connection.stream.write_all(ANSWERS[connection.answered.min(1)])?;
                    connection.answered += 1;
                }
                continue;
            }
            while let Ok((mut stream, _)) = listener.accept() {
                stream.set_nodelay(true)?;
                let token = Token(connections.len());
                poll.registry()
                    .register(&mut stream, token, Interest::READABLE)?;
                connections.push(Connection { stream, answered: 0 });
            }
        }
    }
}
