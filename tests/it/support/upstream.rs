//! An upstream that keeps every byte it is sent and answers as the test says.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rustls::{ServerConnection, StreamOwned};
use socket2::SockRef;

use super::certificate::Certificate;
use super::{client::find, poll};

/// What the upstream does with a request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// A status, header lines (each with its CRLF) and a body, with a length.
    Answer(u16, &'static str, Vec<u8>),
    /// The same as the next, later.
    After(Duration, Box<Self>),
    /// The same as the next, once the test says so.
    Held(Latch, Box<Self>),
    /// Exactly these bytes, then the end of the connection.
    Raw(Vec<u8>),
    /// Exactly these bytes, then a reset.
    RawThenReset(Vec<u8>),
    /// These bytes over and over.
    Flood(&'static [u8]),
    /// Bytes, and then others over and over.
    RawThenFlood(Vec<u8>, &'static [u8]),
    /// Bytes, and then nothing.
    RawThenHang(Vec<u8>),
    /// Bytes, and then one more again and again.
    Dribble(&'static [u8], Duration),
    /// Nothing, for ever.
    Hang,
    /// An answer, then the end of the connection without a word about it.
    AnswerThenClose,
}

impl Reply {
    /// 200 with a small body.
    pub(crate) fn ok() -> Self {
        Self::Answer(200, "", b"taken".to_vec())
    }

    /// A status with a small body.
    pub(crate) fn status(status: u16) -> Self {
        Self::Answer(status, "", b"said no".to_vec())
    }

    /// 200 after a while.
    pub(crate) fn ok_after(delay: Duration) -> Self {
        Self::After(delay, Box::new(Self::ok()))
    }
}

/// A door that a test opens.
#[derive(Clone, Default)]
pub(crate) struct Latch(Arc<(Mutex<bool>, Condvar)>);

impl Latch {
    pub(crate) fn open(&self) {
        *self.0.0.lock().expect("no poison") = true;
        self.0.1.notify_all();
    }

    fn wait(&self) {
        let guard = self.0.0.lock().expect("no poison");
        let waited = self.0.1.wait_timeout_while(guard, Duration::from_secs(20), |open| !*open);
        drop(waited.expect("no poison"));
    }
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) version: String,
    /// Names as spelled on the wire, in its order.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// Every value under a name.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let fits = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        fits.map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn idempotency_key(&self) -> &str {
        self.header("hookward-idempotency-key").expect("an idempotency key")
    }
}

/// Chooses what a request gets.
type Chooser = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

#[derive(Default)]
struct Shared {
    received: Mutex<Vec<Request>>,
    script: Mutex<(VecDeque<Reply>, Option<Reply>)>,
    chooser: Mutex<Option<Chooser>>,
    /// By the number of the connection, for as long as it is served.
    sockets: Mutex<HashMap<usize, TcpStream>>,
    connections: AtomicUsize,
    in_progress: AtomicUsize,
    bytes: AtomicUsize,
    over: AtomicBool,
}

/// A running upstream; it ends with the test.
pub(crate) struct Upstream {
    shared: Arc<Shared>,
    port: u16,
    wake: Box<dyn Fn() + Send + Sync>,
}

trait Wire: Read + Write {
    fn reset(&self);
}

impl Wire for TcpStream {
    fn reset(&self) {
        // The reset goes out when the socket is dropped.
        let _ = SockRef::from(self).set_linger(Some(Duration::ZERO));
    }
}

impl Wire for UnixStream {
    fn reset(&self) {}
}

impl Wire for StreamOwned<ServerConnection, TcpStream> {
    fn reset(&self) {
        self.sock.reset();
    }
}

impl Upstream {
    /// Plain HTTP on a port of the machine's choice; 200 to everything.
    pub(crate) fn start() -> Self {
        Self::on_port(0)
    }

    /// Plain HTTP on a port that must be free.
    pub(crate) fn on_port(port: u16) -> Self {
        Self::at(Ipv4Addr::LOCALHOST, port)
    }

    /// The same at another address of this machine.
    pub(crate) fn at(address: Ipv4Addr, port: u16) -> Self {
        Self::try_at(address, port).expect("a free port")
    }

    /// The same, if the port is free.
    pub(crate) fn try_at(address: Ipv4Addr, port: u16) -> Option<Self> {
        let listener = TcpListener::bind((address, port)).ok()?;
        Some(Self::serving(listener, |socket| Some(Box::new(socket))))
    }

    /// HTTPS with a certificate.
    pub(crate) fn tls(certificate: &Certificate) -> Self {
        Self::tls_with(certificate.server())
    }

    /// The same, asking every client for one certificate.
    pub(crate) fn tls_asking_for(certificate: &Certificate, wanted: &Certificate) -> Self {
        Self::tls_with(certificate.server_asking_for(wanted))
    }

    fn tls_with(config: Arc<rustls::ServerConfig>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        Self::serving(listener, move |mut socket| {
            let mut session = ServerConnection::new(Arc::clone(&config)).ok()?;
            while session.is_handshaking() {
                session.complete_io(&mut socket).ok()?;
            }
            Some(Box::new(StreamOwned::new(session, socket)))
        })
    }

    fn serving(listener: TcpListener, wrap: impl Fn(TcpStream) -> Option<Box<dyn Wire>> + Send + Sync + 'static) -> Self {
        let address = listener.local_addr().expect("an address");
        let port = address.port();
        let shared = Arc::new(Shared::default());
        let (accepting, wrap) = (Arc::clone(&shared), Arc::new(wrap));
        std::thread::spawn(move || {
            for (number, socket) in listener.incoming().enumerate() {
                if accepting.over.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(socket) = socket else { continue };
                let _ = socket.set_nodelay(true);
                let (shared, wrap) = (Arc::clone(&accepting), Arc::clone(&wrap));
                shared.sockets.lock().expect("no poison").extend(socket.try_clone().map(|socket| (number, socket)));
                std::thread::spawn(move || {
                    let _ = wrap(socket).map(|wire| serve(&shared, wire));
                    shared.sockets.lock().expect("no poison").remove(&number);
                });
            }
        });
        let wake = move || drop(TcpStream::connect(address));
        Self { shared, port, wake: Box::new(wake) }
    }

    /// HTTP over a unix socket.
    pub(crate) fn unix(path: &Path) -> Self {
        let listener = UnixListener::bind(path).expect("a free path");
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                if accepting.over.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(socket) = socket else { continue };
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || serve(&shared, Box::new(socket)));
            }
        });
        let path = path.to_owned();
        Self { shared, port: 0, wake: Box::new(move || drop(UnixStream::connect(&path))) }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What stands under `upstream` in the configuration.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/sink", self.port)
    }

    /// What the next request gets; after the last one said, [`Self::always`] holds.
    pub(crate) fn next(&self, reply: Reply) -> &Self {
        self.shared.script.lock().expect("no poison").0.push_back(reply);
        self
    }

    /// What every request gets from now on.
    pub(crate) fn always(&self, reply: Reply) -> &Self {
        self.shared.script.lock().expect("no poison").1 = Some(reply);
        self
    }

    /// Lets every request be looked at before it is answered; the script does not count any more.
    pub(crate) fn choose(&self, chooser: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> &Self {
        *self.shared.chooser.lock().expect("no poison") = Some(Arc::new(chooser));
        self
    }

    /// Every whole request so far.
    pub(crate) fn received(&self) -> Vec<Request> {
        self.shared.received.lock().expect("no poison").clone()
    }

    /// Waits for a number of requests.
    #[track_caller]
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Request> {
        let found = poll(Duration::from_secs(10), || Some(self.received()).filter(|received| received.len() >= count));
        found.unwrap_or_else(|| panic!("{} requests instead of {count}", self.received().len()))
    }

    /// Ends every connection that is open, as an upstream does that goes away.
    pub(crate) fn close_connections(&self) {
        for socket in self.shared.sockets.lock().expect("no poison").values() {
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
    }

    /// How many connections were made to it.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many requests it has and did not answer yet, and how many it ever had.
    pub(crate) fn progress(&self) -> (usize, usize) {
        let received = self.shared.received.lock().expect("no poison").len();
        (self.shared.in_progress.load(Ordering::SeqCst), received)
    }

    /// How many connections and bytes came.
    pub(crate) fn traffic(&self) -> (usize, usize) {
        (self.connections(), self.shared.bytes.load(Ordering::SeqCst))
    }

    /// Asserts that not one byte came.
    #[track_caller]
    pub(crate) fn saw_nothing(&self) {
        assert_eq!(self.shared.bytes.load(Ordering::SeqCst), 0, "{:?}", self.received());
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        (self.wake)();
    }
}

/// Reads requests and answers them until the connection ends or the script ends it.
fn serve(shared: &Shared, mut wire: Box<dyn Wire>) {
    shared.connections.fetch_add(1, Ordering::SeqCst);
    let mut buffer = Vec::new();
    while let Ok(Some(request)) = read_request(shared, wire.as_mut(), &mut buffer) {
        let chooser = shared.chooser.lock().expect("no poison").clone();
        let reply = chooser.map_or_else(|| scripted(shared), |choose| choose(&request));
        shared.received.lock().expect("no poison").push(request);
        shared.in_progress.fetch_add(1, Ordering::SeqCst);
        let goes_on = act(shared, wire.as_mut(), reply);
        shared.in_progress.fetch_sub(1, Ordering::SeqCst);
        if !matches!(goes_on, Ok(true)) {
            return;
        }
    }
}

fn scripted(shared: &Shared) -> Reply {
    let mut script = shared.script.lock().expect("no poison");
    script.0.pop_front().or_else(|| script.1.clone()).unwrap_or_else(Reply::ok)
}

/// Does what the script says; whether the connection goes on.
fn act(shared: &Shared, wire: &mut dyn Wire, reply: Reply) -> io::Result<bool> {
    match reply {
        Reply::Answer(status, headers, body) => {
            wire.write_all(&answer(status, headers, &body))?;
            wire.flush()?;
            Ok(true)
        }
        Reply::After(delay, next) => {
            std::thread::sleep(delay);
            act(shared, wire, *next)
        }
        Reply::Held(latch, next) => {
            latch.wait();
            act(shared, wire, *next)
        }
        Reply::Raw(bytes) => {
            wire.write_all(&bytes)?;
            wire.flush()?;
            Ok(false)
        }
        Reply::RawThenReset(bytes) => {
            wire.write_all(&bytes)?;
            wire.flush()?;
            // What was written must be on its way before the reset overtakes it.
            std::thread::sleep(Duration::from_millis(100));
            wire.reset();
            Ok(false)
        }
        Reply::Flood(bytes) => loop {
            wire.write_all(bytes)?;
            if shared.over.load(Ordering::SeqCst) {
                return Ok(false);
            }
        },
        Reply::RawThenFlood(bytes, flood) => {
            wire.write_all(&bytes)?;
            act(shared, wire, Reply::Flood(flood))
        }
        Reply::RawThenHang(bytes) => {
            wire.write_all(&bytes)?;
            wire.flush()?;
            act(shared, wire, Reply::Hang)
        }
        Reply::Dribble(bytes, pause) => {
            wire.write_all(bytes)?;
            while !shared.over.load(Ordering::SeqCst) {
                wire.write_all(b"x")?;
                wire.flush()?;
                std::thread::sleep(pause);
            }
            Ok(false)
        }
        Reply::Hang => {
            // Ends when the gateway lets go.
            let mut sink = [0; 1024];
            while wire.read(&mut sink)? > 0 {}
            Ok(false)
        }
        Reply::AnswerThenClose => {
            wire.write_all(&answer(200, "", b"taken"))?;
            wire.flush()?;
            Ok(false)
        }
    }
}

fn answer(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = if status == 204 { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let mut bytes = format!("HTTP/1.1 {status} Told\r\n{length}{headers}\r\n").into_bytes();
    if status != 204 {
        bytes.extend_from_slice(body);
    }
    bytes
}

fn read_request(shared: &Shared, wire: &mut dyn Wire, buffer: &mut Vec<u8>) -> io::Result<Option<Request>> {
    let mut fill = |buffer: &mut Vec<u8>| -> io::Result<bool> {
        let mut chunk = [0; 16 * 1024];
        let count = wire.read(&mut chunk)?;
        shared.bytes.fetch_add(count, Ordering::SeqCst);
        buffer.extend_from_slice(&chunk[..count]);
        Ok(count > 0)
    };
    let head_bytes = loop {
        if let Some(at) = find(buffer, b"\r\n\r\n") {
            break at + 4;
        }
        if !fill(buffer)? {
            return Ok(None);
        }
    };
    let head = buffer.drain(..head_bytes).collect::<Vec<_>>();
    let mut request = parse_head(&String::from_utf8_lossy(&head));
    assert!(request.all("transfer-encoding").is_empty(), "the gateway knows the length: {request:?}");
    let length = request.header("content-length").map_or(0, |length| length.parse::<usize>().expect("a length"));
    while buffer.len() < length {
        if !fill(buffer)? {
            return Ok(None);
        }
    }
    request.body = buffer.drain(..length).collect();
    Ok(Some(request))
}

fn parse_head(head: &str) -> Request {
    let mut lines = head.trim_end().split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let mut word = || words.next().unwrap_or_default();
    let (method, target, version) = (word(), word(), word());
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
    Request { method, target, version, headers, body: Vec::new() }
}
