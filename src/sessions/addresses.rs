//! The connections of one address: how many there are, and how fast they may send together.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::limits::Limits;
use crate::rate::{Flow, Rate, filling};
use crate::sync::{Mutex, lock};

/// The longest that an address without a connection is remembered.
const MAX_MEMORY: Duration = Duration::from_secs(60);

/// A connection that has sent fewer bytes lately does not wait for the other connections of its address. So
/// one person who sends much does not hold up others behind the same address.
const MODEST: f64 = 65_536.0;

/// The longest name of a client whose address is no IP address, in bytes. A proxy may give any names.
const LONGEST_NAME: usize = 64;

/// The name that an address counts as. An IPv6 address counts by its first `prefix` bits, because a person
/// with one address has all that share these bits. An IPv4 address counts as it is, also if it is written
/// as IPv6. A port or a zone is left out. A text that is no address counts as itself, up to `LONGEST_NAME`
/// bytes.
pub fn counted(address: &str, prefix: usize) -> Arc<str> {
    let text = address.trim();
    match ip_of(text).map(|ip| ip.to_canonical()) {
        Some(IpAddr::V4(ip)) => ip.to_string().into(),
        Some(IpAddr::V6(ip)) => {
            let prefix = u32::try_from(prefix).unwrap_or(128).min(128);
            let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
            let network = Ipv6Addr::from_bits(ip.to_bits() & mask);
            format!("{network}/{prefix}").into()
        }
        None => {
            let ends = text
                .char_indices()
                .map(|(at, letter)| at + letter.len_utf8());
            let end = ends.take_while(|end| *end <= LONGEST_NAME).last();
            text.get(..end.unwrap_or_default())
                .unwrap_or_default()
                .into()
        }
    }
}

/// The address in a text, which may be in brackets, with a zone, with a port, or with all of these.
fn ip_of(text: &str) -> Option<IpAddr> {
    if let Ok(ip) = text.parse() {
        return Some(ip);
    }
    if let Ok(with_port) = text.parse::<SocketAddr>() {
        return Some(with_port.ip());
    }
    let bare = match text.strip_prefix('[') {
        None => text,
        // Behind the bracket there is a port, or nothing. `std` reads a zone only if it is a number, but a
        // zone may be any text, so it is cut off here.
        Some(opened) => {
            let (bare, port) = opened.rsplit_once(']')?;
            let number = port.strip_prefix(':').unwrap_or("0");
            if !port.is_empty() && number.parse::<u16>().is_err() {
                return None;
            }
            bare
        }
    };
    let ip = bare.split_once('%').map_or(bare, |(ip, _)| ip);
    ip.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

/// An address that has connections. The locks are `std` ones, held for a few subtractions; only connections
/// of this address wait for them. A connection whose address is not known has an `Address` of its own.
pub(crate) struct Address {
    pub(crate) name: Arc<str>,
    flow: Mutex<Flow>,
    joins: Mutex<Rate>,
}

impl Address {
    fn new(name: Arc<str>, limits: &Limits) -> Arc<Self> {
        let events = Rate::new(
            limits.event_rate_per_address,
            limits.event_burst_per_address,
        );
        let joins = Rate::new(limits.join_rate_per_address, limits.join_burst_per_address);
        let flow = Flow::new(
            events,
            limits.message_bytes_rate_per_address,
            limits.message_bytes_burst_per_address,
        );
        Arc::new(Self {
            name,
            flow: Mutex::new(flow),
            joins: Mutex::new(joins),
        })
    }

    /// Counts a message of so many bytes from this address: see [`Flow::take`].
    fn take(&self, now: Instant, bytes: usize, is_event: bool) -> (bool, Option<Instant>) {
        let mut flow = lock(&self.flow);
        flow.take(now, bytes, is_event)
    }

    /// Whether one more page may join or come back from this address now.
    pub(crate) fn may_join(&self) -> bool {
        let mut joins = lock(&self.joins);
        joins.take()
    }
}

/// How fast one connection may send, alone and together with the other connections of its address.
pub(crate) struct Pace {
    own: Flow,
    address: Arc<Address>,
    /// Nothing is read until this time.
    until: Option<Instant>,
}

impl Pace {
    pub(crate) fn new(address: Arc<Address>, limits: &Limits) -> Self {
        let events = Rate::new(limits.event_rate, limits.event_burst);
        let own = Flow::new(
            events,
            limits.message_bytes_rate,
            limits.message_bytes_burst,
        );
        let until = None;
        Self {
            own,
            address,
            until,
        }
    }

    pub(crate) fn address(&self) -> &Arc<Address> {
        &self.address
    }

    /// Counts a message of so many bytes. False if it is one event too many.
    pub(crate) fn take(&mut self, bytes: usize, is_event: bool) -> bool {
        let now = Instant::now();
        let (may, own) = self.own.take(now, bytes, is_event);
        // An event that the connection's own rate refuses does not count for the address.
        let (together, shared) = self.address.take(now, bytes, is_event && may);
        let waits = !self.own.is_modest(MODEST);
        self.until = own.max(shared.filter(|_| waits));
        may && together
    }

    /// The time until which nothing is to be read; `None` if it is over.
    pub(crate) fn until(&mut self) -> Option<Instant> {
        self.until = self.until.filter(|until| *until > Instant::now());
        self.until
    }
}

struct Known {
    address: Arc<Address>,
    connections: usize,
    /// When the last connection left.
    left: Instant,
}

/// All addresses. An address without connections is remembered until its rates are full again; otherwise a
/// client could get around the rates by connecting anew.
#[derive(Default)]
pub(crate) struct Addresses {
    known: HashMap<Arc<str>, Known>,
    /// The addresses whose last connection left, and when: the oldest first. An address that has come back
    /// since still stands here.
    left: VecDeque<(Instant, Arc<str>)>,
}

impl Addresses {
    /// Adds a connection, and gives how many the address has now. Connections whose address has no name are
    /// counted one by one.
    pub(crate) fn enter(&mut self, name: &Arc<str>, limits: &Limits) -> (Arc<Address>, usize) {
        self.forget(limits);
        if name.is_empty() {
            return (Address::new(name.clone(), limits), 1);
        }
        let known = self.known.entry(name.clone()).or_insert_with(|| Known {
            address: Address::new(name.clone(), limits),
            connections: 0,
            left: Instant::now(),
        });
        known.connections += 1;
        (known.address.clone(), known.connections)
    }

    /// Takes a connection off.
    pub(crate) fn leave(&mut self, address: &Address, limits: &Limits) {
        let Some(known) = self.known.get_mut(&address.name) else {
            return;
        };
        known.connections -= 1;
        if known.connections == 0 {
            known.left = Instant::now();
            self.left.push_back((known.left, address.name.clone()));
        }
        self.forget(limits);
    }

    /// Forgets addresses whose rates are full again.
    fn forget(&mut self, limits: &Limits) {
        let of = |rate: u32, burst: u32| filling(rate as usize, burst as usize);
        let events = of(
            limits.event_rate_per_address,
            limits.event_burst_per_address,
        );
        let joins = of(limits.join_rate_per_address, limits.join_burst_per_address);
        let bytes = filling(
            limits.message_bytes_rate_per_address,
            limits.message_bytes_burst_per_address,
        );
        let memory = events.max(joins).max(bytes).min(MAX_MEMORY);
        while let Some((left, name)) = self.left.front()
            && left.elapsed() >= memory
        {
            // The address may have had connections since.
            if let Some(known) = self.known.get(name)
                && known.connections == 0
                && known.left == *left
            {
                self.known.remove(name);
            }
            self.left.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_counts_as_what_one_person_has() {
        for (address, expected) in [
            ("10.0.0.7", "10.0.0.7"),
            ("::ffff:10.0.0.7", "10.0.0.7"),
            ("::FFFF:0a00:0007", "10.0.0.7"),
            ("10.0.0.7:51234", "10.0.0.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:DB8:1:2::9", "2001:db8:1:2::/64"),
            ("[2001:db8:1:2::9]:443", "2001:db8:1:2::/64"),
            ("[2001:db8:1:2::9]", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            ("[fe80::1%eth0]", "fe80::/64"),
            ("[fe80::1%eth0]:443", "fe80::/64"),
            ("[fe80::1%3]:443", "fe80::/64"),
            ("[::ffff:10.0.0.7%eth0]:443", "10.0.0.7"),
            ("::1", "::/64"),
            ("", ""),
            ("unknown", "unknown"),
            ("1.2.3", "1.2.3"),
        ] {
            assert_eq!(&*counted(address, 64), expected, "{address}");
        }
        assert_eq!(&*counted("2001:db8:1:2::9", 128), "2001:db8:1:2::9/128");
        assert_eq!(&*counted("2001:db8:1:2::9", 48), "2001:db8:1::/48");
        assert_eq!(&*counted("2001:db8::9", 1), "::/1");
        assert_eq!(counted(&"é".repeat(1000), 64).len(), 64);
    }
}
