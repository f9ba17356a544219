//! The scalars of the configuration: each is read, checked against its grammar and its range, and named in its fault.
//!
//! Invariants: `None` always has a fault beside it; no fault quotes what was written.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};

use crate::document::{Entry, Table};
use crate::domain::size::{ByteSize, Rate, format_duration, parse_duration, parse_rate};
use crate::domain::time::UnixTime;

const DURATION_HINT: &str = "write a duration as <int>(ms|s|m|h|d), such as \"5m\"";
const SIZE_HINT: &str = "write a size as <int>(B|KiB|MiB|GiB), such as \"1MiB\"";
const RATE_HINT: &str = "write a rate as <int>/(s|m|h), such as \"100/s\"";
const NETWORK_HINT: &str = "such as \"203.0.113.7\" or \"203.0.113.0/24\"";
/// What the name of a unix socket begins with.
pub(super) const UNIX: &str = "unix:";
/// The longest path that a unix socket's address holds.
const UNIX_PATH_BYTES_MAX: usize = 107;
pub(super) const RATE_TABLE_HINT: &str = "write it as { rate = \"100/s\", burst = 200 }";

/// What a reader makes of an optional key; `None` too when it could make nothing of it and said so.
pub(super) fn optional<'d, T>(table: &Table<'d>, key: &str, read: impl FnOnce(&Entry<'d>) -> Option<T>) -> Option<T> {
    table.entry(key).and_then(|entry| read(&entry))
}

/// A duration inside a range.
pub(super) fn duration(entry: &Entry<'_>, range: RangeInclusive<Duration>) -> Option<Duration> {
    let value = entry.parsed(DURATION_HINT, parse_duration)?;
    within(entry, value, &range, |bound| format_duration(*bound))
}

/// A size inside a range of bytes.
pub(super) fn size(entry: &Entry<'_>, range: RangeInclusive<u64>) -> Option<ByteSize> {
    let range = ByteSize(*range.start())..=ByteSize(*range.end());
    let value = entry.parsed(SIZE_HINT, str::parse)?;
    within(entry, value, &range, ByteSize::to_string)
}

/// A whole number inside a range that its type holds.
pub(super) fn number<N: TryFrom<i64>>(entry: &Entry<'_>, range: RangeInclusive<i64>) -> Option<N> {
    entry.integer(range).and_then(|number| N::try_from(number).ok())
}

/// `{ rate = "100/s", burst = 200 }`; without a burst, the count of the rate.
pub(super) fn rate(entry: &Entry<'_>) -> Option<Rate> {
    entry.table(rate_table).flatten()
}

fn rate_table(table: &Table<'_>) -> Option<Rate> {
    let rate = table.required("rate", RATE_TABLE_HINT).and_then(|entry| entry.parsed(RATE_HINT, parse_rate));
    let burst = optional(table, "burst", |entry| number(entry, 1..=1_000_000_000));
    let (count, period) = rate?;
    Some(Rate { count, period, burst: burst.unwrap_or(count) })
}

/// A path in the file system, relative to the file that names it.
pub(super) fn path(entry: &Entry<'_>, base: &Path) -> Option<PathBuf> {
    let text = entry.text()?;
    if text.is_empty() || text.contains('\0') {
        entry.fault("must be a path", "");
        return None;
    }
    Some(base.join(text))
}

/// An address and a port to listen on.
pub(super) fn socket(entry: &Entry<'_>) -> Option<SocketAddr> {
    let address = entry.text()?.parse().ok();
    if address.is_none() {
        entry.fault("must be an address and a port", "such as \"0.0.0.0:8443\" or \"[::]:8443\"; names are not looked up");
    }
    address
}

/// The path in `unix:PATH`, relative to the file that names it.
pub(super) fn unix_socket(entry: &Entry<'_>, base: &Path) -> Option<PathBuf> {
    let rest = entry.text()?.strip_prefix(UNIX).unwrap_or_default();
    let path = base.join(rest);
    if rest.is_empty() || rest.contains('\0') || path.as_os_str().len() > UNIX_PATH_BYTES_MAX {
        let reason = format!("must name a path of 1 to {UNIX_PATH_BYTES_MAX} bytes");
        entry.fault(reason, "such as \"unix:/run/hookward/in.sock\"; a relative path begins at the file that names it");
        return None;
    }
    Some(path)
}

/// An address or a range of them, IPv4-mapped ones as the IPv4 addresses they mean.
pub(super) fn network(entry: &Entry<'_>) -> Option<IpNet> {
    let text = entry.text()?;
    let range = text.parse::<IpNet>().ok().or_else(|| text.parse::<std::net::IpAddr>().map(IpNet::from).ok());
    let Some(range) = range else {
        entry.fault("must be an address or a range of addresses", NETWORK_HINT);
        return None;
    };
    if range.trunc() != range {
        entry.fault("has bits set behind its prefix", "write the first address of the range");
        return None;
    }
    Some(fold(range))
}

/// A range of IPv4-mapped IPv6 addresses is a range of IPv4 addresses: sources are folded before they are compared.
fn fold(range: IpNet) -> IpNet {
    let IpNet::V6(six) = range else { return range };
    let mapped = six.addr().to_ipv4_mapped().zip(six.prefix_len().checked_sub(96));
    let four = mapped.and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok());
    four.map_or(range, IpNet::V4)
}

/// A calendar day.
pub(super) fn day(entry: &Entry<'_>) -> Option<String> {
    let value = entry.datetime()?;
    if value.time.is_some() || value.offset.is_some() {
        entry.fault("must be a date without a time", "such as 2027-06-30, without quotes");
        return None;
    }
    Some(value.to_string())
}

/// A moment in time: a TOML date-time that says its offset.
pub(super) fn moment(entry: &Entry<'_>) -> Option<UnixTime> {
    let value = entry.datetime()?;
    let moment = value.offset.and_then(|_| value.to_string().parse().ok());
    if moment.is_none() {
        entry.fault("must be a date-time with an offset", "such as 2026-12-01T00:00:00Z, without quotes");
    }
    moment
}

/// One line of text for people.
pub(super) fn line(entry: &Entry<'_>) -> Option<String> {
    let text = entry.text()?;
    if text.trim().is_empty() || text.chars().count() > 200 || text.contains(char::is_control) {
        entry.fault("must be one line of 1 to 200 characters", "");
        return None;
    }
    Some(text.to_owned())
}

/// The elements of a list of a bounded length.
pub(super) fn list<'d>(entry: &Entry<'d>, lengths: RangeInclusive<usize>, hint: &str) -> Option<Vec<Entry<'d>>> {
    let elements = entry.list()?;
    if lengths.contains(&elements.len()) {
        return Some(elements);
    }
    entry.fault(format!("must have {} to {} elements", lengths.start(), lengths.end()), hint);
    None
}

fn within<T: PartialOrd>(entry: &Entry<'_>, value: T, range: &RangeInclusive<T>, write: impl Fn(&T) -> String) -> Option<T> {
    if range.contains(&value) {
        return Some(value);
    }
    entry.fault(format!("must be from {} to {}", write(range.start()), write(range.end())), "");
    None
}
