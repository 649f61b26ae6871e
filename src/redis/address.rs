//! The address of Redis, as people write it: pure.

use std::str::FromStr;

use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{
    ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, TlsMode, parse_redis_url,
};

const SENTINEL: &str = "redis+sentinel://";
const SENTINEL_TLS: &str = "rediss+sentinel://";

/// Why a text is not an address of Redis. No message has a password in it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum AddressError {
    /// No URL was given.
    #[error("give the URL of a server, or the URLs of some nodes of a cluster")]
    Nothing,
    /// The text is not a URL of Redis.
    #[error(
        "this is no URL of Redis: write redis://[[user]:password@]host[:port][/database], rediss:// for TLS, \
         redis+sentinel://[[user]:password@]host[:port][,host[:port]…]/name[/database] for Sentinel, or a list of \
         redis:// for a cluster"
    )]
    NoUrl,
    /// The URL's parts do not fit together; the text says which.
    #[error("this URL of Redis is wrong: {0}")]
    Wrong(String),
}

fn wrong(why: impl Into<String>) -> AddressError {
    AddressError::Wrong(why.into())
}

/// The address of Redis.
#[derive(Clone, Debug)]
pub enum Address {
    /// One server.
    Server(Box<ConnectionInfo>),
    /// A server that these sentinels name.
    Sentinel(Sentinels),
    /// A cluster that has these nodes, and others that they name.
    Cluster(Vec<ConnectionInfo>),
}

/// A server that sentinels name.
#[derive(Clone, Debug)]
pub struct Sentinels {
    hosts: Vec<ConnectionInfo>,
    /// The name that the sentinels know the server under.
    name: String,
    /// The user that logs in at a sentinel.
    user: Option<String>,
    password: Option<String>,
}

/// Parses one URL, and sets the protocol in which lost connections show at once.
fn server(url: &str) -> Result<ConnectionInfo, AddressError> {
    let url = parse_redis_url(url).ok_or(AddressError::NoUrl)?;
    if matches!(url.scheme(), "rediss" | "valkeys") && url.fragment() == Some("insecure") {
        return Err(wrong(
            "#insecure would accept a certificate of any server; leave #insecure out",
        ));
    }
    // The crate's message names the part that is wrong, and never the password.
    let info = url
        .into_connection_info()
        .map_err(|error| wrong(error.to_string()))?;
    let settings = info.redis_settings().clone();
    Ok(info.set_redis_settings(settings.set_protocol(ProtocolVersion::RESP3)))
}

impl Address {
    /// Reads one URL, of a server or of sentinels.
    ///
    /// # Errors
    /// [`AddressError`] says what is wrong, without any password.
    pub fn of(url: &str) -> Result<Self, AddressError> {
        for (scheme, of_server) in [(SENTINEL, "redis"), (SENTINEL_TLS, "rediss")] {
            if let Some(rest) = url.strip_prefix(scheme) {
                return Ok(Self::Sentinel(Sentinels::of(rest, of_server)?));
            }
        }
        Ok(Self::Server(Box::new(server(url)?)))
    }

    /// Reads the URLs of some nodes of a cluster.
    ///
    /// # Errors
    /// [`AddressError`] says what is wrong, without any password.
    pub fn of_cluster(urls: &[String]) -> Result<Self, AddressError> {
        let nodes = urls
            .iter()
            .map(|url| server(url))
            .collect::<Result<Vec<_>, _>>()?;
        let first = nodes.first().ok_or(AddressError::Nothing)?;
        let logs_in = |node: &ConnectionInfo| {
            let settings = node.redis_settings();
            let is_tls = matches!(node.addr(), ConnectionAddr::TcpTls { .. });
            let user = settings.username().map(str::to_owned);
            (user, settings.password().map(str::to_owned), is_tls)
        };
        if nodes.iter().any(|node| logs_in(node) != logs_in(first)) {
            return Err(wrong(
                "all nodes of a cluster need the same user, password and scheme (redis: or rediss:)",
            ));
        }
        if nodes.iter().any(|node| node.redis_settings().db() != 0) {
            return Err(wrong("a cluster only has the database 0"));
        }
        Ok(Self::Cluster(nodes))
    }

    /// The hosts, for messages. Without users and passwords.
    pub fn hosts(&self) -> String {
        let nodes = match self {
            Self::Server(info) => std::slice::from_ref(&**info),
            Self::Sentinel(sentinels) => &sentinels.hosts,
            Self::Cluster(nodes) => nodes,
        };
        let hosts: Vec<_> = nodes.iter().map(|node| node.addr().to_string()).collect();
        hosts.join(", ")
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(url: &str) -> Result<Self, AddressError> {
        Self::of(url)
    }
}

impl Sentinels {
    /// `rest` is the URL after its scheme. `scheme` is the scheme of the server.
    fn of(rest: &str, scheme: &str) -> Result<Self, AddressError> {
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (user, rest) = match rest.rsplit_once('@') {
            Some((user, rest)) => (format!("{user}@"), rest),
            None => (String::new(), rest),
        };
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (name, database) = path.split_once('/').unwrap_or((path, ""));
        if name.is_empty() {
            return Err(wrong(
                "after the sentinels comes the name of the server, as in redis+sentinel://a,b/mymaster",
            ));
        }
        let mut this = Self {
            hosts: Vec::new(),
            name: name.to_owned(),
            user: None,
            password: None,
        };
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "sentinelUser" => this.user = Some(value.into_owned()),
                "sentinelPassword" => this.password = Some(value.into_owned()),
                // The text may be the end of a password that has a question mark.
                _ => {
                    return Err(wrong(
                        "only sentinelUser and sentinelPassword may follow the question mark; write a question mark in a \
                         password as %3F",
                    ));
                }
            }
        }
        for host in hosts.split(',') {
            if host.is_empty() {
                return Err(wrong("a sentinel has no host"));
            }
            let port = match host.rsplit_once(':') {
                Some((_, port)) if !port.ends_with(']') => "",
                _ => ":26379",
            };
            this.hosts.push(server(&format!(
                "{scheme}://{user}{host}{port}/{database}"
            ))?);
        }
        Ok(this)
    }

    /// Finds the server by its sentinels.
    pub(super) fn builder(&self) -> redis::RedisResult<SentinelClientBuilder> {
        let addresses = self.hosts.iter().map(|host| host.addr().clone());
        let name = self.name.as_str();
        let mut builder = SentinelClientBuilder::new(addresses, name, SentinelServerType::Master)?;
        builder = builder.set_client_to_redis_protocol(ProtocolVersion::RESP3);
        if let Some(host) = self.hosts.first() {
            let settings = host.redis_settings();
            builder = builder.set_client_to_redis_db(settings.db());
            if let Some(user) = settings.username() {
                builder = builder.set_client_to_redis_username(user);
            }
            if let Some(password) = settings.password() {
                builder = builder.set_client_to_redis_password(password);
            }
            if matches!(host.addr(), ConnectionAddr::TcpTls { .. }) {
                builder = builder
                    .set_client_to_redis_tls_mode(TlsMode::Secure)
                    .set_client_to_sentinel_tls_mode(TlsMode::Secure);
            }
        }
        if let Some(user) = &self.user {
            builder = builder.set_client_to_sentinel_username(user);
        }
        if let Some(password) = &self.password {
            builder = builder.set_client_to_sentinel_password(password);
        }
        Ok(builder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_a_user_a_password_and_a_database() {
        let address = Address::of("rediss://ann:a%40b@example.com:6380/3").unwrap();
        let Address::Server(info) = &address else {
            panic!("{address:?}")
        };
        let settings = info.redis_settings();
        assert_eq!(settings.username(), Some("ann"));
        assert_eq!(settings.password(), Some("a@b"));
        assert_eq!(settings.db(), 3);
        assert_eq!(settings.protocol(), ProtocolVersion::RESP3);
        assert!(matches!(info.addr(), ConnectionAddr::TcpTls { .. }));
        assert_eq!(address.hosts(), "example.com:6380");
        assert_eq!(Address::of("valkey://[::1]").unwrap().hosts(), "::1:6379");
    }

    #[test]
    fn sentinels_name_a_server() {
        let url = "redis+sentinel://ann:secret@a,b:5,[::1]:7/orders/2?sentinelPassword=x%26y";
        let address = Address::of(url).unwrap();
        assert_eq!(address.hosts(), "a:26379, b:5, ::1:7");
        let Address::Sentinel(sentinels) = &address else {
            panic!("{address:?}")
        };
        assert_eq!(sentinels.name, "orders");
        assert_eq!(sentinels.password.as_deref(), Some("x&y"));
        let settings = sentinels.hosts[1].redis_settings();
        assert_eq!((settings.username(), settings.db()), (Some("ann"), 2));
        assert!(sentinels.builder().unwrap().build().is_ok());
    }

    #[test]
    fn a_cluster_is_a_list() {
        let of = |urls: &[&str]| {
            let urls: Vec<_> = urls.iter().map(|&url| url.to_owned()).collect();
            Address::of_cluster(&urls).map(|address| address.hosts())
        };
        let nodes = ["redis://:x@a:1", "redis://:x@b:2"];
        assert_eq!(of(&nodes), Ok("a:1, b:2".to_owned()));
        assert_eq!(of(&[]), Err(AddressError::Nothing));
        assert_eq!(of(&["a"]), Err(AddressError::NoUrl));
        for wrong in [
            ["redis://a/1", "redis://b/1"],
            ["redis://:x@a", "redis://b"],
            ["redis://a", "rediss://b"],
        ] {
            assert!(
                matches!(of(&wrong), Err(AddressError::Wrong(_))),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn what_is_no_address_is_an_error_without_the_password() {
        for url in [
            "",
            "localhost:6379",
            "http://:secret@localhost",
            "redis://:secret@localhost:port",
            "redis://:secret@localhost/database",
            "rediss://:secret@localhost/#insecure",
            "redis+sentinel://:secret@a,b",
            "redis+sentinel://:secret@a,,b/name",
            "redis+sentinel://:secret@a:port/name",
            "redis+sentinel://:secret@a/name?password=secret",
            "redis+sentinel://:secret@a/name/database",
            "redis+sentinel://:half/of?secret@a/name",
            "redis+sentinel://",
        ] {
            let error = Address::of(url).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{url}: {error}");
        }
    }
}
