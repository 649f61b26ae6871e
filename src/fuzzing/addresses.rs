//! Addresses: what one counts as is what `std` reads in it, cut to its network, however it is written;
//! whatever else a text says, it counts as a short text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use super::Input;
use crate::sessions::counted;

/// The longest name, in bytes, for a text that is not an address.
const LONGEST: usize = 64;

/// The first byte is a prefix, the second zero if the others choose an address and how it is written;
/// else the others are the text of one.
pub fn addresses(input: &[u8]) {
    let mut input = Input(input);
    let prefix = usize::from(input.byte());
    match input.byte() {
        0 => written(prefix, &mut input),
        _ => read(prefix, &String::from_utf8_lossy(input.0)),
    }
}

/// One address counts as the same in every way to write it, and so does exactly its network.
fn written(prefix: usize, input: &mut Input<'_>) {
    let ip = chosen(input);
    let expected = network(ip, prefix);
    let port = u16::from_le_bytes([input.byte(), input.byte()]);
    let zone = ["%eth0", "%1", "%", "%a%b"][input.below(4)];
    let mut texts = vec![ip.to_string(), SocketAddr::new(ip, port).to_string()];
    if let IpAddr::V6(ip) = ip {
        let [a, b, c, d, e, f, g, h] = ip.segments();
        let long = format!("{a:04x}:{b:04x}:{c:04x}:{d:04x}:{e:04x}:{f:04x}:{g:04X}:{h:04X}");
        let with_scope = SocketAddrV6::new(ip, port, 0, 7);
        texts.extend([
            format!("{ip}{zone}"),
            format!("[{ip}]"),
            format!("[{ip}{zone}]"),
            format!("[{ip}{zone}]:{port}"),
            format!("[{long}]:{port}"),
            with_scope.to_string(),
            long,
        ]);
    }
    if let IpAddr::V4(ip) = ip {
        texts.push(ip.to_ipv6_mapped().to_string());
        texts.push(format!("[{}]:{port}", ip.to_ipv6_mapped()));
    }
    for text in texts {
        assert_eq!(*counted(&text, prefix), *expected, "{text:?}");
        let padded = format!(" {text}\t");
        assert_eq!(*counted(&padded, prefix), *expected, "{padded:?}");
    }
    let bit = input.below(128);
    if let IpAddr::V6(ip) = ip {
        let neighbour = Ipv6Addr::from_bits(ip.to_bits() ^ (1 << (127 - bit)));
        let is_ours = *counted(&neighbour.to_string(), prefix) == *expected;
        // Addresses that are IPv4 written as IPv6 count as IPv4, apart from all networks.
        if ip.to_ipv4_mapped().is_none() && neighbour.to_ipv4_mapped().is_none() {
            assert_eq!(is_ours, bit >= prefix, "{ip} and {neighbour} in /{prefix}");
        }
    }
}

fn chosen(input: &mut Input<'_>) -> IpAddr {
    let kind = input.below(4);
    let mut octets = [0; 16];
    let bytes = input.bytes(16);
    octets[..bytes.len()].copy_from_slice(bytes);
    let [a, b, c, d, ..] = octets;
    let v4 = Ipv4Addr::new(a, b, c, d);
    match kind {
        0 => IpAddr::V4(v4),
        1 => IpAddr::V6(v4.to_ipv6_mapped()),
        _ => IpAddr::V6(octets.into()),
    }
}

/// What an address counts as: segment by segment.
fn network(ip: IpAddr, prefix: usize) -> String {
    let ip = match ip {
        IpAddr::V4(ip) => return ip.to_string(),
        IpAddr::V6(ip) => ip,
    };
    if let Some(ip) = ip.to_ipv4_mapped() {
        return ip.to_string();
    }
    let prefix = prefix.min(128);
    let mut segments = ip.segments();
    for (index, segment) in segments.iter_mut().enumerate() {
        let kept = prefix.saturating_sub(16 * index).min(16);
        *segment &= u16::MAX.checked_shl(16 - kept as u32).unwrap_or(0);
    }
    format!("{}/{prefix}", Ipv6Addr::from(segments))
}

/// Whatever the text, it counts as something short, and as its address if `std` finds one in it.
fn read(prefix: usize, text: &str) {
    let counts = counted(text, prefix);
    let trimmed = text.trim();
    let ip = trimmed.parse::<IpAddr>().ok();
    let ip = ip.or_else(|| trimmed.parse::<SocketAddr>().ok().map(|with| with.ip()));
    match ip {
        Some(ip) => assert_eq!(*counts, *network(ip, prefix), "{text:?}"),
        // Another way to write one, or the text itself.
        None if trimmed.contains(['%', '[']) && counts.contains('/') => {}
        None => {
            assert!(counts.len() <= LONGEST, "{} bytes", counts.len());
            let is_cut = counts.len() > LONGEST - 4 || *counts == *trimmed;
            let is_text = trimmed.starts_with(&*counts) && is_cut;
            let is_v4 = counts.parse::<Ipv4Addr>().is_ok();
            assert!(is_text || is_v4, "{text:?} counts as {counts:?}");
        }
    }
    assert_eq!(counted(trimmed, prefix), counts);
}
