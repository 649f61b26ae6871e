//! A WebSocket client that costs as little as it can and counts the bytes it gets.
//!
//! Written by hand, and not with a library: frames are small, every byte on the wire is counted, and the
//! generator must not be slower than the server it measures.

use std::io::{Error, Result};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Any mask does; servers have to undo it in any case.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// A data message.
pub struct Message {
    pub text: bool,
    pub payload: Vec<u8>,
}

pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Offset of the unread part of `buffer`.
    at: usize,
    /// Bytes received so far, frame headers included, the HTTP response not.
    pub received: u64,
}

/// One frame's header: its first byte, and where its payload begins and ends.
struct Frame {
    first: u8,
    start: usize,
    end: usize,
}

impl Client {
    /// Connects and upgrades.
    pub async fn connect(port: u16, path: &str, protocol: Option<&str>) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let offer = protocol.map_or_else(String::new, |protocol| {
            format!("Sec-WebSocket-Protocol: {protocol}\r\n")
        });
        let mut client = Self {
            stream,
            buffer: Vec::new(),
            at: 0,
            received: 0,
        };
        // The headers of a browser, which are what servers parse and keep.
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\n\
             Pragma: no-cache\r\nCache-Control: no-cache\r\n\
             User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
             Chrome/140.0.0.0 Safari/537.36\r\nUpgrade: websocket\r\n\
             Origin: http://127.0.0.1:{port}\r\nSec-WebSocket-Version: 13\r\n\
             Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en-US,en;q=0.9\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{offer}\r\n"
        );
        client.stream.write_all(request.as_bytes()).await?;
        client.response().await?;
        Ok(client)
    }

    /// Ends the connection as a network does: with a reset, and without a goodbye.
    pub fn cut(&self) -> Result<()> {
        self.stream.set_zero_linger()
    }

    async fn response(&mut self) -> Result<()> {
        loop {
            let end = self.buffer.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                if !self.buffer.starts_with(b"HTTP/1.1 101 ") {
                    let head = String::from_utf8_lossy(&self.buffer);
                    return Err(Error::other(format!("not upgraded: {head}")));
                }
                self.at = end + 4;
                self.received = (self.buffer.len() - self.at) as u64;
                return Ok(());
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> Result<()> {
        if self.at == self.buffer.len() {
            self.buffer.clear();
            self.at = 0;
        }
        self.buffer.reserve(2048);
        let count = self.stream.read_buf(&mut self.buffer).await?;
        if count == 0 {
            return Err(Error::other("the server closed the connection"));
        }
        self.received += count as u64;
        Ok(())
    }

    pub async fn send_text(&mut self, text: &str) -> Result<()> {
        self.send(TEXT, text.as_bytes()).await
    }

    async fn send(&mut self, kind: u8, payload: &[u8]) -> Result<()> {
        let mut frame = Vec::with_capacity(payload.len() + 14);
        frame.push(0x80 | kind);
        match payload.len() {
            len @ 0..=125 => frame.push(0x80 | len as u8),
            len @ 126..=0xffff => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(len as u16).to_be_bytes());
            }
            len => {
                frame.push(0x80 | 127);
                frame.extend_from_slice(&(len as u64).to_be_bytes());
            }
        }
        frame.extend_from_slice(&MASK);
        let masked = payload.iter().zip(MASK.iter().cycle());
        frame.extend(masked.map(|(byte, mask)| byte ^ mask));
        self.stream.write_all(&frame).await
    }

    /// The next data message, put together from its fragments.
    pub async fn receive(&mut self) -> Result<Message> {
        let mut text = true;
        let mut payload = Vec::new();
        loop {
            let frame = self.frame().await?;
            let bytes = &self.buffer[frame.start..frame.end];
            match frame.first & 0xf {
                CLOSE => return Err(Error::other("the server closed the WebSocket")),
                PING => {
                    let bytes = bytes.to_vec();
                    self.at = frame.end;
                    self.send(PONG, &bytes).await?;
                    continue;
                }
                kind @ (TEXT | BINARY) => text = kind == TEXT,
                CONTINUATION => {}
                _ => {
                    self.at = frame.end;
                    continue;
                }
            }
            payload.extend_from_slice(bytes);
            self.at = frame.end;
            if frame.first & 0x80 != 0 {
                return Ok(Message { text, payload });
            }
        }
    }

    async fn frame(&mut self) -> Result<Frame> {
        loop {
            if let Some(frame) = self.whole_frame() {
                return Ok(frame);
            }
            self.read().await?;
        }
    }

    fn whole_frame(&self) -> Option<Frame> {
        let bytes = &self.buffer[self.at..];
        let (head, len) = match *bytes.get(1)? {
            126 => (
                4,
                u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?).into(),
            ),
            127 => {
                let len = u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?);
                (10, usize::try_from(len).ok()?)
            }
            short => (2, usize::from(short)),
        };
        let end = head + len;
        (bytes.len() >= end).then(|| Frame {
            first: bytes[0],
            start: self.at + head,
            end: self.at + end,
        })
    }
}
