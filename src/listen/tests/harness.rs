//! A gateway of listeners and a handler that notes what it sees.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use parking_lot::Mutex;

use crate::listen::bind::{BoundListener, bind_all};
use crate::listen::context::RequestContext;
use crate::listen::counters::ListenCounters;
use crate::listen::listeners::Listeners;
use crate::listen::serve::{Handler, ResponseBody};
use crate::listen::spec::{BindAddress, ConnectionLimits, EntrySpec, ListenerSpec};
use crate::listen::trusted::TrustedProxies;
use crate::listen::wire::FaultKind;
use crate::listen::workers::{Drained, Running, Workers};

/// One request as the handler saw it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) worker: usize,
    pub(super) path: String,
    /// Its body, if it was read and complete.
    pub(super) body: Option<Vec<u8>>,
    pub(super) context: RequestContext,
}

/// `/slow` takes 400 ms, `/early` answers 413 without reading, `/panic` panics, everything else reads its body.
pub(super) struct Noting {
    worker: usize,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Handler for Noting {
    async fn handle(&self, request: Request<Incoming>, context: RequestContext) -> Response<ResponseBody> {
        let path = request.uri().path().to_owned();
        let mut seen = Seen { worker: self.worker, path, body: None, context };
        let status = match (seen.context.fault.map(|fault| fault.kind), seen.path.as_str()) {
            (Some(FaultKind::Malformed), _) => StatusCode::BAD_REQUEST,
            (Some(FaultKind::HeadersTooLarge), _) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            (None, "/early") => StatusCode::PAYLOAD_TOO_LARGE,
            (None, "/panic") => panic!("on purpose"),
            (None, path) => {
                if path == "/slow" {
                    tokio::time::sleep(Duration::from_millis(400)).await;
                }
                seen.body = request.collect().await.ok().map(|body| body.to_bytes().to_vec());
                if seen.body.is_some() { StatusCode::OK } else { StatusCode::BAD_REQUEST }
            }
        };
        self.seen.lock().push(seen);
        let mut response = Response::new(Bytes::from_static(b"answered").into());
        *response.status_mut() = status;
        response
    }
}

/// A running set of listeners.
pub(super) struct Gateway {
    pub(super) address: SocketAddr,
    pub(super) counters: Arc<ListenCounters>,
    pub(super) running: Running,
    seen: Arc<Mutex<Vec<Seen>>>,
}

pub(super) fn limits() -> ConnectionLimits {
    ConnectionLimits {
        max_header_bytes: 16384,
        max_connections: 100,
        max_connections_per_source: 50,
        header_timeout: Duration::from_secs(1),
        idle_timeout: Duration::from_secs(1),
        quiet_after: Duration::from_millis(50),
        answer_timeout: Duration::from_secs(10),
        requests_max: 100_000,
        age_max: Duration::from_secs(3600),
        linger_bytes: 16 << 20,
    }
}

pub(super) fn listener(name: &str, entry: EntrySpec) -> ListenerSpec {
    ListenerSpec {
        name: name.parse().unwrap(),
        bind: BindAddress::Tcp("127.0.0.1:0".parse().unwrap()),
        entry,
        trusted_proxies: TrustedProxies::default(),
        proxy_protocol: false,
    }
}

impl Gateway {
    pub(super) fn plaintext(limits: &ConnectionLimits) -> Self {
        Self::start(bind_all(&[listener("public", EntrySpec::PlaintextReject)]).unwrap(), limits)
    }

    /// With a single worker, which accepts for itself.
    pub(super) fn alone(limits: &ConnectionLimits) -> Self {
        Self::with_workers(1, bind_all(&[listener("public", EntrySpec::PlaintextReject)]).unwrap(), limits)
    }

    pub(super) fn start(listeners: Vec<BoundListener>, limits: &ConnectionLimits) -> Self {
        Self::with_workers(2, listeners, limits)
    }

    fn with_workers(count: usize, listeners: Vec<BoundListener>, limits: &ConnectionLimits) -> Self {
        let (seen, counters) = (Arc::new(Mutex::new(Vec::new())), Arc::new(ListenCounters::default()));
        let address = listeners[0].address().tcp().unwrap_or_else(|| ([127, 0, 0, 1], 0).into());
        let noted = Arc::clone(&seen);
        let make = move |worker| Noting { worker, seen: Arc::clone(&noted) };
        let (_listeners, openings) = Listeners::new(listeners);
        let running = Workers::start(count, openings, limits, make, &counters).unwrap();
        Self { address, counters, running, seen }
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
        stream
    }

    /// Sends the bytes on one connection and reads until the gateway closes it.
    pub(super) fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        read_to_end(&mut stream)
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().clone()
    }

    /// What is noted, for a look after the end.
    pub(super) fn noted(&self) -> Arc<Mutex<Vec<Seen>>> {
        Arc::clone(&self.seen)
    }

    pub(super) fn drain(self, deadline: Duration) -> Drained {
        block_on(self.running.drain(deadline))
    }
}

pub(in crate::listen) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub(super) fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

/// Waits until a counter of another thread has caught up with what its peer already sees.
#[track_caller]
pub(super) fn eventually(mut holds: impl FnMut() -> bool) {
    for _ in 0..300 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("does not hold after 3 s");
}

/// Reads one answer and leaves the connection open.
pub(super) fn read_answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"answered") {
        let mut piece = [0; 512];
        let length = stream.read(&mut piece).unwrap();
        assert_ne!(length, 0, "closed after {}", answer.escape_ascii());
        answer.extend_from_slice(&piece[..length]);
    }
    String::from_utf8(answer).unwrap()
}

/// The status codes of the answers in a text.
pub(super) fn statuses(answers: &str) -> Vec<&str> {
    answers.lines().filter_map(|line| line.split("HTTP/1.1 ").nth(1)).filter_map(|rest| rest.get(..3)).collect()
}

/// A request with a body.
pub(super) fn post(path: &str, body: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
