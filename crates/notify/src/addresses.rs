//! To which addresses anything is sent: those of the public internet, and those that a setting names.
//! Whoever may make an endpoint must not be able to make the server talk to itself, to its neighbours, or to
//! the service that hands out a cloud machine's credentials.
//!
//! What a host is called says nothing; the addresses that its name stands for are looked at, and the
//! connection is made to one of those that were looked at.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::{Error, Result};

/// Networks that are not the public internet, with what they are. IANA special-purpose address registries,
/// RFC 6890 and its updates.
const SPECIAL_V4: &[([u8; 4], u8, &str)] = &[
    ([0, 0, 0, 0], 8, "no address of a host"),
    ([10, 0, 0, 0], 8, "a private address"),
    ([100, 64, 0, 0], 10, "a private address"),
    ([127, 0, 0, 0], 8, "this machine"),
    ([169, 254, 0, 0], 16, "a link-local address"),
    ([172, 16, 0, 0], 12, "a private address"),
    ([192, 0, 0, 0], 24, "a reserved address"),
    ([192, 0, 2, 0], 24, "a reserved address"),
    ([192, 88, 99, 0], 24, "a reserved address"),
    ([192, 168, 0, 0], 16, "a private address"),
    ([198, 18, 0, 0], 15, "a reserved address"),
    ([198, 51, 100, 0], 24, "a reserved address"),
    ([203, 0, 113, 0], 24, "a reserved address"),
    ([224, 0, 0, 0], 4, "a multicast address"),
    ([240, 0, 0, 0], 4, "a reserved address"),
];

/// The same of version 6. The public internet is in 2000::/3.
const SPECIAL_V6: &[([u16; 8], u8, &str)] = &[
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, "this machine"),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "a private address"),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 9, "a link-local address"),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "a multicast address"),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "a reserved address"),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "a reserved address"),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "a reserved address"),
];

/// Whether an address is of the public internet.
pub fn is_public(address: IpAddr) -> bool {
    special(address).is_none()
}

/// What an address is that is not of the public internet.
pub(crate) fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    let is_in = |(network, bits, _): &&([u8; 4], u8, &str)| {
        shares_v4(address, Ipv4Addr::from(*network), *bits)
    };
    SPECIAL_V4.iter().find(is_in).map(|(_, _, what)| *what)
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    if let Some(inner) = embedded(address) {
        return special_v4(inner);
    }
    let is_in = |(network, bits, _): &&([u16; 8], u8, &str)| {
        shares_v6(address, Ipv6Addr::from(*network), *bits)
    };
    let found = SPECIAL_V6.iter().find(is_in).map(|(_, _, what)| *what);
    let is_global = shares_v6(address, Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
    found.or((!is_global).then_some("a reserved address"))
}

/// The address of version 4 that one of version 6 stands for: mapped (`::ffff:1.2.3.4`), compatible
/// (`::1.2.3.4`), translated (64:ff9b::/96, RFC 6052), or 6to4 (2002::/16).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let parts = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match parts {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(v4(high, low))
        }
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

fn shares_v4(one: Ipv4Addr, other: Ipv4Addr, bits: u8) -> bool {
    let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
    u32::from(one) & mask == u32::from(other) & mask
}

fn shares_v6(one: Ipv6Addr, other: Ipv6Addr, bits: u8) -> bool {
    let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
    u128::from(one) & mask == u128::from(other) & mask
}

/// What a setting allows besides the public internet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Allowed {
    hosts: Vec<String>,
    networks: Vec<(IpAddr, u8)>,
}

impl Allowed {
    /// Hosts, addresses, and networks such as `10.0.0.0/8`.
    pub(crate) fn parse(entries: &[String]) -> Result<Self> {
        let mut allowed = Self::default();
        for entry in entries {
            let entry = entry.trim();
            let wrong = || Error::InvalidOption {
                option: "notifications.allowed".to_owned(),
                problem: format!("'{entry}' is neither a host nor a network such as 10.0.0.0/8"),
            };
            let (address, bits) = match entry.split_once('/') {
                Some((address, bits)) => (address, Some(bits)),
                None => (entry, None),
            };
            match (address.parse::<IpAddr>(), bits) {
                (Ok(address), bits) => {
                    let most = if address.is_ipv4() { 32 } else { 128 };
                    let bits = bits.map_or(Ok(most), str::parse).map_err(|_| wrong())?;
                    if bits > most {
                        return Err(wrong());
                    }
                    allowed.networks.push((address, bits));
                }
                (Err(_), None) if !entry.is_empty() => allowed.hosts.push(entry.to_lowercase()),
                (Err(_), _) => return Err(wrong()),
            }
        }
        Ok(allowed)
    }

    /// Whether the setting names a host, or a network that has this address.
    pub(crate) fn names_host(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_lowercase();
        self.hosts.contains(&host)
    }

    pub(crate) fn names_address(&self, address: IpAddr) -> bool {
        // `::ffff:10.0.0.1` is 10.0.0.1 to whoever wrote 10.0.0.0/8.
        let address = address.to_canonical();
        self.networks
            .iter()
            .any(|(network, bits)| match (address, network) {
                (IpAddr::V4(one), IpAddr::V4(other)) => shares_v4(one, *other, *bits),
                (IpAddr::V6(one), IpAddr::V6(other)) => shares_v6(one, *other, *bits),
                _ => false,
            })
    }

    /// Fails when nothing may be sent to one of the addresses of a host. One bad address spoils all: a name
    /// that stands for both is not what it seems.
    pub(crate) fn check(
        &self,
        host: &str,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Result<()> {
        if self.names_host(host) {
            return Ok(());
        }
        for address in addresses {
            if let Some(what) = special(address)
                && !self.names_address(address)
            {
                let host = host.to_owned();
                return Err(Error::Forbidden { host, what });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, expected: Option<&str>) {
        assert_eq!(special(address.parse().unwrap()), expected, "{address}");
    }

    #[test]
    fn what_is_not_of_the_public_internet_is_known() {
        let (private, local) = (Some("a private address"), Some("this machine"));
        let (link, reserved) = (Some("a link-local address"), Some("a reserved address"));
        for (address, expected) in [
            ("127.0.0.1", local),
            ("127.255.0.3", local),
            ("0.0.0.0", Some("no address of a host")),
            ("10.0.0.1", private),
            ("172.16.0.1", private),
            ("172.31.255.255", private),
            ("172.32.0.1", None),
            ("192.168.1.1", private),
            ("100.64.0.1", private),
            ("100.100.100.200", private),
            ("169.254.169.254", link),
            ("192.0.2.1", reserved),
            ("198.19.0.1", reserved),
            ("224.0.0.1", Some("a multicast address")),
            ("255.255.255.255", reserved),
            ("1.1.1.1", None),
            ("::", reserved),
            ("::1", local),
            ("::ffff:127.0.0.1", local),
            ("::ffff:10.1.2.3", private),
            ("::ffff:1.1.1.1", None),
            ("::127.0.0.1", local),
            ("64:ff9b::a9fe:a9fe", link),
            ("64:ff9b:1::1", reserved),
            ("2002:7f00:1::", local),
            ("2001::1", reserved),
            ("2001:db8::1", reserved),
            ("fd00:ec2::254", private),
            ("fe80::1", link),
            ("fec0::1", link),
            ("ff02::1", Some("a multicast address")),
            ("2606:4700:4700::1111", None),
        ] {
            check(address, expected);
        }
    }

    #[test]
    fn a_setting_allows_hosts_and_networks() {
        let entries = ["Alerts.Plant.example", "10.1.0.0/16", "::1"].map(str::to_owned);
        let allowed = Allowed::parse(&entries).unwrap();
        let may = |host: &str, address: &str| {
            let address = address.parse::<IpAddr>().unwrap();
            allowed.check(host, [address]).is_ok()
        };
        assert!(may("alerts.plant.example", "192.168.0.9"));
        assert!(may("alerts.plant.example.", "127.0.0.1"));
        assert!(may("x.example", "10.1.2.3"));
        assert!(may("x.example", "::ffff:10.1.2.3"));
        assert!(may("x.example", "::1"));
        assert!(may("x.example", "8.8.8.8"));
        assert!(!may("x.example", "10.2.0.1"));
        assert!(!may("x.plant.example", "127.0.0.1"));
        let both = ["8.8.8.8", "127.0.0.1"].map(|address| address.parse::<IpAddr>().unwrap());
        assert!(allowed.check("x.example", both).is_err());
        for wrong in ["", "10.0.0.0/33", "10.0.0/8", "host/8"] {
            assert!(Allowed::parse(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
