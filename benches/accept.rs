//! Two ways of getting connections to workers, one after the other in one run: one acceptor that hands each to the worker with
//! the fewest, and one listener a worker on the same port (`SO_REUSEPORT`). A bare echo stands for the server.
//!
//! Measured: the server's CPU for a connection that is opened, used once and closed; and how N long-lived connections spread
//! over the workers (the fullest worker's share of the mean: 1 is even, 2 is all on one of two).

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to measure")]
#![expect(clippy::cast_precision_loss, reason = "figures are rounded anyway")]
#![expect(clippy::indexing_slicing, reason = "a bench that cannot go on has nothing to measure")]
#![expect(clippy::print_stdout, reason = "a bench says what it measured")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const WORKERS: usize = 2;
const ROUNDS: usize = 10;
const CONNECTIONS: usize = 1000;
const LONG_LIVED: [usize; 6] = [2, 4, 8, 16, 32, 64];
const SPREADS: usize = 40;

type Open = Arc<Vec<AtomicUsize>>;

/// A way to serve.
struct Way {
    name: &'static str,
    address: SocketAddr,
    open: Open,
}

impl Way {
    fn acceptor() -> Self {
        let (listener, open) = (listen(None), opened());
        let address = listener.local_addr().unwrap();
        let lanes: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let (lane, mut arrivals) = mpsc::channel::<StdStream>(1024);
                let open = Arc::clone(&open);
                on_thread(format!("one-{worker}"), async move {
                    while let Some(stream) = arrivals.recv().await {
                        tokio::spawn(echo(TcpStream::from_std(stream).unwrap(), Arc::clone(&open), worker));
                    }
                });
                lane
            })
            .collect();
        let counts = Arc::clone(&open);
        on_thread("one-accept".to_owned(), async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let worker = (0..WORKERS).min_by_key(|worker| counts[*worker].load(Ordering::Relaxed)).unwrap();
                counts[worker].fetch_add(1, Ordering::Relaxed);
                lanes[worker].send(stream.into_std().unwrap()).await.unwrap();
            }
        });
        Self { name: "one", address, open }
    }

    fn reuse_port() -> Self {
        let open = opened();
        let mut address = None;
        for worker in 0..WORKERS {
            let listener = listen(address.or(Some(SocketAddr::from(([127, 0, 0, 1], 0)))));
            address = Some(listener.local_addr().unwrap());
            let open = Arc::clone(&open);
            on_thread(format!("each-{worker}"), async move {
                let listener = TcpListener::from_std(listener).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    open[worker].fetch_add(1, Ordering::Relaxed);
                    tokio::spawn(echo(stream, Arc::clone(&open), worker));
                }
            });
        }
        Self { name: "each", address: address.unwrap(), open }
    }

    /// Microseconds of the server's CPU for one connection.
    fn cost_micros(&self) -> f64 {
        let before = cpu_nanos(self.name);
        for _ in 0..CONNECTIONS {
            drop(self.connect());
        }
        (cpu_nanos(self.name) - before) / 1000.0 / CONNECTIONS as f64
    }

    /// The fullest worker's share of the mean.
    fn spread(&self, connections: usize) -> f64 {
        self.settle();
        let held: Vec<_> = (0..connections).map(|_| self.connect()).collect();
        let fullest = self.open.iter().map(|open| open.load(Ordering::Relaxed)).max().unwrap();
        drop(held);
        fullest as f64 * WORKERS as f64 / connections as f64
    }

    fn settle(&self) {
        while self.open.iter().any(|open| open.load(Ordering::Relaxed) > 0) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// A connection that was answered once. It closes by a reset, so that no port is left waiting.
    fn connect(&self) -> StdStream {
        let mut stream = StdStream::connect(self.address).unwrap();
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        stream.write_all(b"x").unwrap();
        stream.read_exact(&mut [0]).unwrap();
        stream
    }
}

fn opened() -> Open {
    Arc::new((0..WORKERS).map(|_| AtomicUsize::new(0)).collect())
}

fn listen(shared: Option<SocketAddr>) -> StdListener {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_port(shared.is_some()).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket.bind(&shared.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0))).into()).unwrap();
    socket.listen(4096).unwrap();
    socket.into()
}

fn on_thread(name: String, work: impl Future<Output = ()> + Send + 'static) {
    let run = move || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
    std::thread::Builder::new().name(name).spawn(run).unwrap();
}

async fn echo(mut stream: TcpStream, open: Open, worker: usize) {
    let mut piece = [0; 64];
    while let Ok(read @ 1..) = stream.read(&mut piece).await {
        if stream.write_all(&piece[..read]).await.is_err() {
            break;
        }
    }
    open[worker].fetch_sub(1, Ordering::Relaxed);
}

/// What the threads of a name have used, by the kernel's count.
fn cpu_nanos(name: &str) -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().map(|thread| thread.unwrap().path());
    let ours =
        threads.filter(|path| std::fs::read_to_string(path.join("comm")).unwrap_or_default().starts_with(&format!("{name}-")));
    let used =
        ours.filter_map(|path| std::fs::read_to_string(path.join("schedstat")).ok()?.split(' ').next()?.parse::<f64>().ok());
    used.sum()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn main() {
    let ways = [Way::acceptor(), Way::reuse_port()];
    let mut costs = [Vec::new(), Vec::new()];
    for way in &ways {
        let _warm_up = way.cost_micros();
    }
    for round in 0..ROUNDS {
        for turn in 0..2 {
            let which = (round + turn) % 2;
            costs[which].push(ways[which].cost_micros());
        }
    }
    let [one, each] = costs.map(|costs| mean(&costs));
    println!("CPU of a new connection: one acceptor {one:.1} us, a listener each {each:.1} us, ratio {:.2}", one / each);
    println!("the fullest of {WORKERS} workers over the mean, {SPREADS} times each:");
    println!("{:>6} {:>22} {:>22}", "N", "one acceptor", "a listener each");
    for connections in LONG_LIVED {
        let mut spreads = [Vec::new(), Vec::new()];
        for _ in 0..SPREADS {
            for (way, spreads) in ways.iter().zip(&mut spreads) {
                spreads.push(way.spread(connections));
            }
        }
        let text = spreads.map(|all| format!("mean {:.2}, worst {:.2}", mean(&all), all.iter().copied().fold(0.0, f64::max)));
        println!("{connections:>6} {:>22} {:>22}", text[0], text[1]);
    }
}
