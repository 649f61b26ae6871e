//! The kernel's cost of a message to many connections: writes a frame, of the size that `loom` sends, to each
//! connection, one after the other on one thread, and does nothing else. Speaks to bench/publish.mjs as
//! bench/servers/publish.mjs does.

#[path = "../kernel.rs"]
mod kernel;

use std::io::{Result, Write};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kernel::Connection;

/// The answers to the upgrade and to the join.
const ANSWERS: [&[u8]; 2] = [
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    b"\x81\x14[\"j\",0,0,0,\"secret\"]",
];

/// CPU time of this process so far, in microseconds.
fn used() -> f64 {
    let schedstat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = schedstat
        .split(' ')
        .next()
        .and_then(|text| text.parse::<f64>().ok());
    nanoseconds.unwrap_or_default() / 1e3
}

fn number(request: &str, name: &str) -> f64 {
    let value = request
        .split(&format!("{name}="))
        .nth(1)
        .unwrap_or_default();
    let end = value
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(value.len());
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
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        sent.push(format!("\"v{last:06}\":{:.3}", now.as_secs_f64() * 1e3));
        for connection in connections.iter_mut().filter(|one| one.answered > 1) {
            // A viewer whose connection takes no bytes is missed in the count of the viewers.
            let _ = connection.stream.write(&frame);
        }
    }
    let cost = used() - before;
    sleep(Duration::from_secs(1));
    format!(
        "{{\"main\":{cost},\"all\":{cost},\"sent\":{{{}}}}}",
        sent.join(",")
    )
}

fn main() -> Result<()> {
    let mut last = 0;
    kernel::serve(|connections, at, read| {
        let request = String::from_utf8_lossy(read);
        if !request.starts_with("GET /go") {
            return connections[at].answer(&ANSWERS);
        }
        let body = publish(connections, &request, &mut last);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        connections[at]
            .stream
            .write_all(format!("{head}{body}").as_bytes())
    })
}
