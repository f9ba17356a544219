//! Which servers, as which user: the URL, parsed. Pure.
//!
//! 1. `redis://[user:password@]host[:6379][/database]`; `rediss://` is the same over TLS; `valkey` stands for `redis`.
//! 2. `redis+sentinel://[user:password@]host[:26379],…/master-name[/database]`, and `rediss+sentinel://`: the sentinels say which
//!    server is the primary; user and password are the primary's.
//! 3. User and password are percent-decoded. A user without a password would be nobody, and is a fault.
//! 4. No fault and no `Debug` says anything of the URL: the password stands in it.

use std::fmt;

use redis::RedisConnectionInfo;

use crate::domain::secret::SecretBytes;

/// How Redis is reached.
#[derive(Clone)]
pub struct Address {
    pub(super) servers: Servers,
    pub(super) is_tls: bool,
    pub(super) login: RedisConnectionInfo,
}

/// Which servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Servers {
    /// The one.
    Single(Server),
    /// The one that these say.
    Sentinels { sentinels: Vec<Server>, primary: String },
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
}

/// Why a text is no address of Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It does not begin as one.
    #[error("must begin with redis://, rediss://, redis+sentinel:// or rediss+sentinel://")]
    Scheme,
    /// There is no host, or something that is none; or several where one is wanted.
    #[error("must name one host, or with +sentinel a list of hosts, each with an optional port")]
    Host,
    /// A user without a password, or something that cannot be decoded.
    #[error("must name user and password as user:password@ or :password@, percent-encoded")]
    Login,
    /// There is no number where the database stands.
    #[error("must end with nothing or with the number of a database")]
    Database,
    /// Sentinels are asked by a name.
    #[error("must name the primary that the sentinels know: redis+sentinel://host/name")]
    PrimaryName,
    /// There is a query or a fragment.
    #[error("must have no query and no fragment")]
    Query,
}

impl Address {
    /// Parses a URL.
    pub fn parse(url: &SecretBytes) -> Result<Self, AddressError> {
        let text = std::str::from_utf8(url.expose()).map_err(|_| AddressError::Scheme)?.trim();
        let (scheme, rest) = text.split_once("://").ok_or(AddressError::Scheme)?;
        let (is_tls, is_sentinel) = kind(scheme)?;
        if rest.contains(['?', '#']) {
            return Err(AddressError::Query);
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (login_of(login)?, hosts),
            None => (RedisConnectionInfo::default(), authority),
        };
        let port = if is_sentinel { SENTINEL_PORT } else { PORT };
        let hosts: Vec<Server> = hosts.split(',').map(|host| server(host, port)).collect::<Result<_, _>>()?;
        let (servers, database) = if is_sentinel { sentinels(hosts, path)? } else { (single(hosts)?, path) };
        Ok(Self { servers, is_tls, login: login.set_db(number(database)?) })
    }
}

/// Whether it means TLS, and whether sentinels.
fn kind(scheme: &str) -> Result<(bool, bool), AddressError> {
    match scheme {
        "redis" | "valkey" => Ok((false, false)),
        "rediss" | "valkeys" => Ok((true, false)),
        "redis+sentinel" | "valkey+sentinel" => Ok((false, true)),
        "rediss+sentinel" | "valkeys+sentinel" => Ok((true, true)),
        _ => Err(AddressError::Scheme),
    }
}

fn login_of(text: &str) -> Result<RedisConnectionInfo, AddressError> {
    let (user, password) = text.split_once(':').ok_or(AddressError::Login)?;
    let (user, password) = (decoded(user)?, decoded(password)?);
    if password.is_empty() {
        return Err(AddressError::Login);
    }
    let login = RedisConnectionInfo::default().set_password(password);
    Ok(if user.is_empty() { login } else { login.set_username(user) })
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> Result<String, AddressError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' { hex(rest.next())? << 4 | hex(rest.next())? } else { byte });
    }
    String::from_utf8(bytes).map_err(|_| AddressError::Login)
}

fn hex(digit: Option<u8>) -> Result<u8, AddressError> {
    let value = digit.and_then(|digit| char::from(digit).to_digit(16)).ok_or(AddressError::Login)?;
    u8::try_from(value).map_err(|_| AddressError::Login)
}

fn server(text: &str, default_port: u16) -> Result<Server, AddressError> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map(|(host, port)| (host, port.strip_prefix(':'))).ok_or(AddressError::Host)?,
        None => text.rsplit_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:%".contains(&byte);
    let is_plain = text.starts_with('[') || !host.contains(':');
    if host.is_empty() || !is_plain || !host.bytes().all(is_host) {
        return Err(AddressError::Host);
    }
    let port = port.map_or(Ok(default_port), |port| port.parse().map_err(|_| AddressError::Host))?;
    Ok(Server { host: host.to_owned(), port })
}

fn single(mut hosts: Vec<Server>) -> Result<Servers, AddressError> {
    match (hosts.pop(), hosts.is_empty()) {
        (Some(host), true) => Ok(Servers::Single(host)),
        _ => Err(AddressError::Host),
    }
}

fn sentinels(sentinels: Vec<Server>, path: &str) -> Result<(Servers, &str), AddressError> {
    let (primary, database) = path.split_once('/').unwrap_or((path, ""));
    if primary.is_empty() || sentinels.len() > SENTINELS_MAX {
        return Err(AddressError::PrimaryName);
    }
    Ok((Servers::Sentinels { sentinels, primary: primary.to_owned() }, database))
}

fn number(text: &str) -> Result<i64, AddressError> {
    if text.is_empty() { Ok(0) } else { text.parse::<u16>().map(i64::from).map_err(|_| AddressError::Database) }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Address(..)")
    }
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;
const SENTINELS_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Address, AddressError> {
        Address::parse(&SecretBytes::new(url.as_bytes().to_vec()))
    }

    fn at(host: &str, port: u16) -> Server {
        Server { host: host.to_owned(), port }
    }

    #[test]
    fn single_servers_parse() {
        let table = [
            ("redis://localhost", at("localhost", 6379), false, 0, (None, None)),
            ("valkey://10.0.0.1:7000/3", at("10.0.0.1", 7000), false, 3, (None, None)),
            ("rediss://:p%40ss@db.internal:6380/", at("db.internal", 6380), true, 0, (None, Some("p@ss"))),
            ("redis://gate:a:b@[::1]:1", at("::1", 1), false, 0, (Some("gate"), Some("a:b"))),
            ("redis://gate:a@b@host", at("host", 6379), false, 0, (Some("gate"), Some("a@b"))),
        ];
        for (url, server, is_tls, database, (user, password)) in table {
            let address = parse(url).unwrap();
            assert_eq!((address.servers, address.is_tls), (Servers::Single(server), is_tls), "{url}");
            let login = (address.login.db(), address.login.username(), address.login.password());
            assert_eq!(login, (database, user, password), "{url}");
        }
    }

    #[test]
    fn sentinels_parse() {
        let address = parse("rediss+sentinel://u:p@a,b:1,[::1]:2/main/4").unwrap();
        let sentinels = vec![at("a", 26379), at("b", 1), at("::1", 2)];
        assert_eq!(address.servers, Servers::Sentinels { sentinels, primary: "main".to_owned() });
        assert_eq!((address.is_tls, address.login.db(), address.login.username()), (true, 4, Some("u")));
    }

    #[test]
    fn everything_else_is_refused_without_a_word_of_it() {
        let table = [
            ("localhost:6379", AddressError::Scheme),
            ("http://localhost", AddressError::Scheme),
            ("redis://", AddressError::Host),
            ("redis://a,b", AddressError::Host),
            ("redis://a:b:1", AddressError::Host),
            ("redis://host:66666", AddressError::Host),
            ("redis://[::1", AddressError::Host),
            ("redis://hunter2@host", AddressError::Login),
            ("redis://user:@host", AddressError::Login),
            ("redis://:%zz@host", AddressError::Login),
            ("redis://:%f@host", AddressError::Login),
            ("redis://host/main", AddressError::Database),
            ("redis://host/-1", AddressError::Database),
            ("redis+sentinel://host", AddressError::PrimaryName),
            ("redis+sentinel://host/main/x", AddressError::Database),
            ("redis://host?db=1", AddressError::Query),
            ("rediss://host/0#insecure", AddressError::Query),
        ];
        for (url, error) in table {
            assert_eq!(parse(url).err(), Some(error), "{url}");
            assert!(!error.to_string().contains("hunter2"));
        }
        assert_eq!(format!("{:?}", parse("redis://:hunter2@host").unwrap()), "Address(..)");
    }
}
