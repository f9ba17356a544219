//! A client that sends exactly the bytes it is given, over TLS or without, and reads one answer at a time.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use socket2::{Domain, Socket, Type};

use super::certificate::Certificate;
use super::provider::Delivery;

/// How long a test waits for an answer that must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// The host every honest request names.
pub(crate) const HOST: &str = "localhost";

trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

/// One connection to the gateway.
pub(crate) struct Connection {
    wire: Box<dyn Wire>,
    /// The same socket, for its timeouts.
    socket: Socket,
    buffer: Vec<u8>,
}

/// What the gateway answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case, in the order of the wire.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The interim answers before it.
    pub(crate) interim: Vec<u16>,
    /// Whether it announced that the connection closes.
    pub(crate) closed: bool,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// The connection ended; how many bytes of an answer had come.
    Closed(usize),
    /// Nothing came in time.
    TimedOut,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let name = name.to_ascii_lowercase();
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.text()))
    }

    /// Asserts the contract's shape of a refusal and returns its request id.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, class: &str) -> String {
        assert_eq!(self.status, status, "{} {}", self.status, self.text());
        let body = self.json();
        assert_eq!(body["error"], class, "{body}");
        assert_eq!(body.as_object().map(serde_json::Map::len), Some(2), "nothing but class and id: {body}");
        let id = body["request_id"].as_str().expect("a request id").to_owned();
        assert_eq!(id.len(), 26, "a ULID: {id}");
        if [429, 503].contains(&status) {
            let after = self.header("retry-after").expect("Retry-After");
            assert!(after.parse::<u64>().is_ok_and(|seconds| seconds >= 1), "Retry-After: {after}");
        }
        id
    }
}

impl Connection {
    /// A plain TCP connection, optionally from another loopback address.
    pub(crate) fn plain(port: u16, from: Ipv4Addr) -> io::Result<Self> {
        let socket = dial(port, from)?;
        Ok(Self { wire: Box::new(socket.try_clone()?), socket: socket.into(), buffer: Vec::new() })
    }

    /// A TLS connection; the handshake is done when it returns.
    pub(crate) fn tls(port: u16, from: Ipv4Addr, certificate: &Certificate) -> io::Result<Self> {
        Self::tls_as(port, from, HOST, certificate.client())
    }

    /// A connection over a unix socket.
    pub(crate) fn unix(path: &Path) -> io::Result<Self> {
        let socket = UnixStream::connect(path)?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { wire: Box::new(socket.try_clone()?), socket: socket.into(), buffer: Vec::new() })
    }

    /// A TLS connection that asks for a name.
    pub(crate) fn tls_as(port: u16, from: Ipv4Addr, name: &str, config: Arc<ClientConfig>) -> io::Result<Self> {
        Self::tls_behind(port, from, b"", name, config)
    }

    /// A TLS connection with bytes in front of it.
    pub(crate) fn tls_behind(
        port: u16,
        from: Ipv4Addr,
        prologue: &[u8],
        name: &str,
        config: Arc<ClientConfig>,
    ) -> io::Result<Self> {
        let mut socket = dial(port, from)?;
        socket.write_all(prologue)?;
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let session = ClientConnection::new(config, name).map_err(io::Error::other)?;
        let mut wire = StreamOwned::new(session, socket.try_clone()?);
        while wire.conn.is_handshaking() {
            wire.conn.complete_io(&mut wire.sock)?;
        }
        Ok(Self { wire: Box::new(wire), socket: socket.into(), buffer: Vec::new() })
    }

    /// Sends bytes that must be taken.
    #[track_caller]
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).expect("the gateway takes the bytes");
    }

    /// Sends bytes that may not be wanted any more.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.wire.write_all(bytes)?;
        self.wire.flush()
    }

    /// Sends a delivery.
    #[track_caller]
    pub(crate) fn send_delivery(&mut self, path: &str, delivery: &Delivery) {
        self.send(&request(path, &delivery.headers, &delivery.body));
    }

    /// The next answer, which must come.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        match self.try_answer(PATIENCE) {
            Ok(answer) => answer,
            Err(silence) => panic!("no answer: {silence:?}; had {:?}", String::from_utf8_lossy(&self.buffer)),
        }
    }

    /// The next answer, if one comes.
    pub(crate) fn try_answer(&mut self, limit: Duration) -> Result<Answer, Silence> {
        let end = Instant::now() + limit;
        let mut interim = Vec::new();
        loop {
            let head_bytes = self.fill_until(end, |buffer| find(buffer, b"\r\n\r\n").map(|at| at + 4))?;
            let head = self.buffer.drain(..head_bytes).collect::<Vec<_>>();
            let (status, headers) = parse_head(&head);
            if (100..200).contains(&status) && status != 101 {
                interim.push(status);
                continue;
            }
            let body = self.read_body(end, status, &headers)?;
            let closed = headers.iter().any(|(name, value)| name == "connection" && value.eq_ignore_ascii_case("close"));
            return Ok(Answer { status, headers, body, interim, closed });
        }
    }

    fn read_body(&mut self, end: Instant, status: u16, headers: &[(String, String)]) -> Result<Vec<u8>, Silence> {
        let value = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        if status == 204 || status == 304 || status < 200 {
            return Ok(Vec::new());
        }
        if value("transfer-encoding") == Some("chunked") {
            return self.read_chunks(end);
        }
        if let Some(length) = value("content-length") {
            let length = length.parse::<usize>().expect("a length");
            self.fill_until(end, |buffer| (buffer.len() >= length).then_some(length))?;
            return Ok(self.buffer.drain(..length).collect());
        }
        match self.fill_until(end, |_| None) {
            Err(Silence::Closed(_)) => Ok(std::mem::take(&mut self.buffer)),
            Err(silence) => Err(silence),
            Ok(_) => unreachable!("nothing ends a body without a length but the end"),
        }
    }

    fn read_chunks(&mut self, end: Instant) -> Result<Vec<u8>, Silence> {
        let mut body = Vec::new();
        loop {
            let line = self.fill_until(end, |buffer| find(buffer, b"\r\n").map(|at| at + 2))?;
            let head = self.buffer.drain(..line).collect::<Vec<_>>();
            let digits = String::from_utf8_lossy(&head);
            let size = usize::from_str_radix(digits.trim(), 16).expect("a chunk size");
            self.fill_until(end, |buffer| (buffer.len() >= size + 2).then_some(size + 2))?;
            body.extend(self.buffer.drain(..size + 2).take(size));
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn fill_until(&mut self, end: Instant, done: impl Fn(&[u8]) -> Option<usize>) -> Result<usize, Silence> {
        let mut chunk = [0; 16 * 1024];
        loop {
            if let Some(length) = done(&self.buffer) {
                return Ok(length);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Silence::TimedOut);
            }
            self.socket.set_read_timeout(Some(left)).expect("a timeout");
            match self.wire.read(&mut chunk) {
                Ok(0) => return Err(Silence::Closed(self.buffer.len())),
                Ok(count) => self.buffer.extend_from_slice(&chunk[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Silence::Closed(self.buffer.len())),
            }
        }
    }

    /// So many bytes, whatever they say.
    pub(crate) fn read_exactly(&mut self, count: usize, end: Instant) -> Result<Vec<u8>, Silence> {
        self.fill_until(end, |buffer| (buffer.len() >= count).then_some(count))?;
        Ok(self.buffer.drain(..count).collect())
    }

    /// Whether the gateway ends the connection in time without sending anything more.
    pub(crate) fn closes_within(&mut self, limit: Duration) -> bool {
        matches!(self.fill_until(Instant::now() + limit, |_| None), Err(Silence::Closed(0)))
    }

    /// Everything that comes until the connection ends or the time is up.
    pub(crate) fn drain(&mut self, limit: Duration) -> Vec<u8> {
        let _end = self.fill_until(Instant::now() + limit, |_| None);
        std::mem::take(&mut self.buffer)
    }

    /// Says that nothing more comes; what comes back is still read.
    pub(crate) fn finish_sending(&self) {
        self.socket.shutdown(std::net::Shutdown::Write).expect("shutdown");
    }

    /// Ends the connection with a reset.
    pub(crate) fn reset(self) {
        self.socket.set_linger(Some(Duration::ZERO)).expect("linger");
    }
}

fn dial(port: u16, from: Ipv4Addr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_tcp_nodelay(true)?;
    if from != Ipv4Addr::LOCALHOST {
        socket.bind(&SocketAddr::new(IpAddr::V4(from), 0).into())?;
    }
    socket.connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into(), PATIENCE)?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket.into())
}

/// A well-formed POST with these headers and this body.
pub(crate) fn request(path: &str, headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {}\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(&header_lines(headers));
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

/// The same delivery in chunks of a size.
pub(crate) fn chunked_request(path: &str, headers: &[(String, String)], body: &[u8], chunk_bytes: usize) -> Vec<u8> {
    let mut bytes = format!("POST {path} HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n").into_bytes();
    bytes.extend_from_slice(&header_lines(headers));
    bytes.extend_from_slice(b"\r\n");
    for chunk in body.chunks(chunk_bytes) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

/// Header lines as they stand on the wire.
pub(crate) fn header_lines(headers: &[(String, String)]) -> Vec<u8> {
    headers.iter().flat_map(|(name, value)| format!("{name}: {value}\r\n").into_bytes()).collect()
}

fn parse_head(head: &[u8]) -> (u16, Vec<(String, String)>) {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let status_line = lines.next().expect("a status line");
    let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no status: {status_line:?}"));
    let headers = lines.filter_map(|line| line.split_once(':'));
    (status, headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect())
}

/// Where a byte string begins in another.
pub(crate) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
