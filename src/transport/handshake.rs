//! The opening handshake, server side (RFC 6455, sections 4.2.1 and 4.2.2). Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// A request to become a WebSocket, as Node's HTTP parser has read it.
#[derive(Clone, Debug, Default)]
pub struct UpgradeRequest {
    /// The method.
    pub method: String,
    /// Minor version of HTTP 1.
    pub http_minor: u32,
    /// The headers of the handshake.
    pub headers: Headers,
    /// The application's origin check passed.
    pub origin_allowed: bool,
}

/// The headers of a handshake; other headers are left out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Headers {
    /// The protocol that the connection is to switch to.
    pub upgrade: String,
    /// Has to name `Upgrade`.
    pub connection: String,
    /// The key from which the response is made, as a proof that the server has read the request.
    #[serde(rename = "sec-websocket-key")]
    pub key: Option<String>,
    /// The protocol's version.
    #[serde(rename = "sec-websocket-version")]
    pub version: Option<String>,
    /// The subprotocols that the client speaks.
    #[serde(rename = "sec-websocket-protocol")]
    pub protocols: Option<String>,
}

#[cfg(any(test, feature = "fuzzing"))]
impl UpgradeRequest {
    /// A valid request, with the key of the RFC's example (RFC 6455, 1.3).
    pub(crate) fn example() -> Self {
        Self {
            method: "GET".into(),
            http_minor: 1,
            headers: Headers {
                upgrade: "websocket".into(),
                connection: "Upgrade".into(),
                key: Some("dGhlIHNhbXBsZSBub25jZQ==".into()),
                version: Some("13".into()),
                protocols: None,
            },
            origin_allowed: true,
        }
    }

    /// A valid request of a client that speaks `protocols`.
    pub(crate) fn speaking(protocols: &str) -> Self {
        let mut request = Self::example();
        request.headers.protocols = Some(protocols.to_owned());
        request
    }
}

/// Why a request does not become a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Not a GET.
    #[error("a WebSocket handshake is a GET request")]
    Method,
    /// HTTP/1.0.
    #[error("a WebSocket handshake needs HTTP/1.1")]
    HttpVersion,
    /// `Upgrade` or `Connection` do not ask for a WebSocket.
    #[error("the headers Upgrade: websocket and Connection: Upgrade are needed")]
    Upgrade,
    /// `Sec-WebSocket-Key` is not the base64 of 16 bytes.
    #[error("the header Sec-WebSocket-Key must be 16 bytes in base64")]
    Key,
    /// Not version 13.
    #[error("only version 13 of the WebSocket protocol is supported")]
    Version,
    /// A page of another origin.
    #[error("this origin may not connect")]
    Origin,
    /// The application is closing.
    #[error("the server is restarting")]
    Closing,
}

impl Rejection {
    /// The HTTP status line and headers of the response.
    fn head(self) -> &'static str {
        match self {
            Self::Method => "405 Method Not Allowed\r\nAllow: GET",
            Self::HttpVersion => "505 HTTP Version Not Supported",
            Self::Upgrade | Self::Key => "400 Bad Request",
            Self::Version => "426 Upgrade Required\r\nSec-WebSocket-Version: 13",
            Self::Origin => "403 Forbidden",
            Self::Closing => "503 Service Unavailable\r\nRetry-After: 1",
        }
    }

    /// The whole HTTP response.
    pub fn response(self) -> String {
        let body = self.to_string();
        format!(
            "HTTP/1.1 {}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.head(),
            body.len()
        )
    }
}

/// A request that becomes a WebSocket.
#[derive(Debug)]
pub struct Accepted {
    /// The response that switches protocols.
    pub response: String,
    /// The client speaks the subprotocol that was offered.
    pub subprotocol: bool,
}

/// Checks the request and gives the response that switches protocols.
///
/// `offer` is chosen if the client names it. No other subprotocol and no extension is chosen (RFC 6455,
/// 4.2.2: both are optional).
///
/// # Errors
/// [`Rejection`] names the first thing that is wrong.
pub fn accept(request: &UpgradeRequest, offer: &str) -> Result<Accepted, Rejection> {
    if request.method != "GET" {
        return Err(Rejection::Method);
    }
    if request.http_minor < 1 {
        return Err(Rejection::HttpVersion);
    }
    let headers = &request.headers;
    if !has_token(&headers.upgrade, "websocket") || !has_token(&headers.connection, "upgrade") {
        return Err(Rejection::Upgrade);
    }
    let key = headers.key.as_deref().map(str::trim).unwrap_or_default();
    if STANDARD.decode(key).map(|bytes| bytes.len()) != Ok(16) {
        return Err(Rejection::Key);
    }
    if headers.version.as_deref().map(str::trim) != Some("13") {
        return Err(Rejection::Version);
    }
    if !request.origin_allowed {
        return Err(Rejection::Origin);
    }
    // Subprotocols compare with case (RFC 6455, 4.1).
    let mut protocols = headers.protocols.iter().flat_map(|list| list.split(','));
    let subprotocol = protocols.any(|protocol| protocol.trim() == offer);
    let chosen = if subprotocol {
        format!("Sec-WebSocket-Protocol: {offer}\r\n")
    } else {
        String::new()
    };
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n{chosen}\r\n",
        derive_accept_key(key.as_bytes())
    );
    Ok(Accepted {
        response,
        subprotocol,
    })
}

/// Whether a header that lists tokens has this one (RFC 9110, 5.6.1; tokens compare without case).
fn has_token(header: &str, token: &str) -> bool {
    header
        .split(',')
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> UpgradeRequest {
        let mut request = UpgradeRequest::example();
        request.headers.upgrade = "WebSocket".into();
        request.headers.connection = "keep-alive, Upgrade".into();
        request
    }

    #[test]
    fn the_example_of_the_rfc() {
        let response = accept(&good(), "loom.2").unwrap().response;
        assert!(response.starts_with("HTTP/1.1 101 "));
        assert!(response.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
        assert!(response.ends_with("\r\n\r\n"));
    }

    #[test]
    fn a_subprotocol_is_chosen_where_both_speak_it() {
        for (offered, chosen) in [("a, loom.2", true), ("LOOM.2", false), ("a", false)] {
            let accepted = accept(&UpgradeRequest::speaking(offered), "loom.2").unwrap();
            assert_eq!(accepted.subprotocol, chosen);
            let header = "\r\nSec-WebSocket-Protocol: loom.2\r\n";
            assert_eq!(accepted.response.contains(header), chosen);
        }
    }

    #[test]
    fn each_failure_has_its_status() {
        type Spoil = fn(&mut UpgradeRequest);
        let cases: [(Spoil, &str); 11] = [
            (|r| r.method = "POST".into(), "405"),
            (|r| r.http_minor = 0, "505"),
            (|r| r.headers.upgrade = "h2c".into(), "400"),
            (|r| r.headers.connection = "keep-alive".into(), "400"),
            (|r| r.headers.key = None, "400"),
            (|r| r.headers.key = Some("c2hvcnQ=".into()), "400"),
            (
                |r| r.headers.key = Some("not base64, not at all".into()),
                "400",
            ),
            (|r| r.headers.version = None, "426"),
            (|r| r.headers.version = Some("8".into()), "426"),
            (|r| r.headers.version = Some("13, 8".into()), "426"),
            (|r| r.origin_allowed = false, "403"),
        ];
        for (index, (spoil, status)) in cases.into_iter().enumerate() {
            let mut request = good();
            spoil(&mut request);
            let response = accept(&request, "loom.2").unwrap_err().response();
            let expected = format!("HTTP/1.1 {status} ");
            assert!(response.starts_with(&expected), "case {index}: {response}");
            assert!(response.contains("Connection: close\r\n"));
        }
    }
}
