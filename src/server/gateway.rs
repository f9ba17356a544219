//! A running gateway: started whole, drained in order.
//!
//! Start: secrets and upstreams, the state directory, the sockets, the audit log, the store, the threads. Whatever fails before
//! the threads leaves nothing behind.
//!
//! End: 1. readiness off, still serving, for `drain_delay`; 2. no new connection, no new request; what is under way ends, or
//! is cut at `drain_timeout`; 3. the audit log is written out and synced.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::audit::auditor::Auditor;
use crate::audit::error::AuditError;
use crate::config::plan::{AdminSpec, DrainSpec, Plan};
use crate::domain::time::Clock;
use crate::gate::admit::sources::SourceTable;
use crate::gate::intake::gate::Intake;
use crate::gate::replay::disk::DiskStore;
use crate::gate::replay::memory::MemoryStore;
use crate::gate::replay::spec::{ReplaySpec, StoreSpec};
use crate::gate::replay::store::Store;
use crate::listen::bind::{BoundListener, bind_all};
use crate::listen::context::RequestContext;
use crate::listen::counters::ListenCounters;
use crate::listen::serve::{Handler, ResponseBody};
use crate::listen::spec::BindAddress;
use crate::listen::workers::{Drained, Running, Workers};
use crate::pipeline::life::live;
use crate::pipeline::site::{Ending, Inflight, Shared, Site};
use crate::secrets;
use crate::server::admin::{self, Access, Admin};
use crate::server::build::{self, BuildError};
use crate::server::housekeeper::Housekeeper;
use crate::server::observe::Observed;
use crate::server::state_directory::StateDirectory;
use crate::telemetry::metrics::Metrics;

/// A running gateway.
pub struct Gateway {
    addresses: Vec<BindAddress>,
    admin_address: SocketAddr,
    site: Arc<ArcSwap<Site>>,
    observed: Arc<Observed>,
    running: Running,
    admin: Vec<JoinHandle<()>>,
    drain: DrainSpec,
    // Dropped last, in this order: nothing may use the directory any more when its lock is given back.
    housekeeper: Housekeeper,
    _state_directory: StateDirectory,
}

impl Gateway {
    /// Builds and starts everything of a plan, or says everything that is wrong.
    pub async fn start(plan: &Plan, clock: Clock, workers: usize) -> Result<Self, Vec<BuildError>> {
        let prepared = build::prepare(plan)?;
        let mut sockets = Sockets::open(plan).await.map_err(one)?;
        let state_directory = StateDirectory::open(&plan.state_dir).map_err(one)?;
        let shared = Arc::new(shared(plan, &state_directory, clock).map_err(one)?);
        let site = Arc::new(ArcSwap::from_pointee(build::site(plan, prepared, &shared, workers)));
        let connections = Arc::new(ListenCounters::default());
        let observed = Arc::new(Observed::new(Arc::clone(&site), Arc::clone(&connections)));
        let housekeeper = Housekeeper::start(&shared).map_err(one)?;
        let (addresses, admin_address) = (sockets.addresses(), sockets.admin_address);
        let admin = sockets.serve_admin(&observed);
        let lines = Arc::clone(&site);
        let make_line = move |worker| Line { site: Arc::clone(&lines), worker };
        let running = Workers::start(workers, sockets.listeners, &plan.connections, make_line, &connections).map_err(one)?;
        Ok(Self {
            addresses,
            admin_address,
            site,
            observed,
            running,
            admin,
            drain: plan.drain,
            housekeeper,
            _state_directory: state_directory,
        })
    }

    /// Where the listeners listen, in the order of the plan.
    #[must_use]
    pub fn addresses(&self) -> &[BindAddress] {
        &self.addresses
    }

    /// Where the admin listener listens.
    #[must_use]
    pub const fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// Whether it can serve now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.observed.readiness().is_ready()
    }

    /// Ends it in order. Answers how many connections had to be cut, or that the audit log could not be written out.
    pub async fn drain(self) -> Result<Drained, AuditError> {
        let shared = Arc::clone(&self.site.load().shared);
        shared.ending.leave();
        tokio::time::sleep(self.drain.delay).await;
        shared.ending.drain();
        shared.deliveries.close();
        let drained = self.running.drain(self.drain.timeout).await;
        self.housekeeper.stop();
        let written = shared.auditor.shutdown().await;
        for listener in &self.admin {
            listener.abort();
        }
        written.map(|()| drained)
    }
}

fn one(error: impl Into<BuildError>) -> Vec<BuildError> {
    vec![error.into()]
}

/// Makes what outlives a configuration: the store, the budgets, the audit log. For whoever runs a site without sockets.
pub fn shared(plan: &Plan, state_directory: &StateDirectory, clock: Clock) -> Result<Shared, BuildError> {
    let metrics = Arc::new(Metrics::new());
    Ok(Shared {
        store: Arc::new(store(&plan.replay, state_directory, &clock)?),
        intake: Intake::new(plan.intake),
        sources: Arc::new(SourceTable::new(plan.source_limits)),
        auditor: Auditor::start(&plan.audit, state_directory.path(), clock.clone())?,
        unrouted: metrics.unrouted(),
        deliveries: TaskTracker::new(),
        inflight: Inflight::default(),
        ending: Ending::default(),
        metrics,
        clock,
    })
}

fn store(spec: &ReplaySpec, state_directory: &StateDirectory, clock: &Clock) -> Result<Store, BuildError> {
    match spec.store {
        StoreSpec::Memory => Ok(Store::Memory(MemoryStore::new(spec.capacity, clock.now()))),
        StoreSpec::Disk => Ok(Store::Disk(DiskStore::open(state_directory.path(), spec.capacity, clock.now())?)),
    }
}

/// Everything that listens, opened before anything runs.
struct Sockets {
    listeners: Vec<BoundListener>,
    admin: Vec<(TcpListener, Access)>,
    admin_address: SocketAddr,
}

impl Sockets {
    async fn open(plan: &Plan) -> Result<Self, BuildError> {
        let listeners = bind_all(&plan.listeners)?;
        let token = plan.admin.token.as_ref().map(secrets::read).transpose();
        let token = token.map_err(|fault| BuildError::Token { fault })?;
        let main = bind_admin(plan.admin.bind).await?;
        let admin_address = main.local_addr().unwrap_or(plan.admin.bind);
        let access = if plan.admin.bind.ip().is_loopback() { Access::Loopback } else { Access::Token(token) };
        let mut admin = vec![(main, access)];
        if let AdminSpec { probe_bind: Some(address), .. } = plan.admin {
            admin.push((bind_admin(address).await?, Access::Probes));
        }
        Ok(Self { listeners, admin, admin_address })
    }

    fn addresses(&self) -> Vec<BindAddress> {
        self.listeners.iter().map(|listener| listener.address().clone()).collect()
    }

    fn serve_admin(&mut self, observed: &Arc<Observed>) -> Vec<JoinHandle<()>> {
        let serve = |(listener, access)| {
            let admin = Arc::new(Admin::new(Arc::clone(observed), access));
            tokio::spawn(admin::serve(listener, admin))
        };
        self.admin.drain(..).map(serve).collect()
    }
}

async fn bind_admin(address: SocketAddr) -> Result<TcpListener, BuildError> {
    TcpListener::bind(address).await.map_err(|source| BuildError::Admin { address, source })
}

/// What a worker answers requests with.
struct Line {
    site: Arc<ArcSwap<Site>>,
    worker: usize,
}

impl Handler for Line {
    async fn handle(&self, request: Request<Incoming>, context: RequestContext) -> Response<ResponseBody> {
        live(self.site.load_full(), self.worker, request, context).await.into_response()
    }

    /// A delivery goes on when its sender has hung up, so the worker's end waits for deliveries, not for connections only.
    async fn finish(&self) {
        let deliveries = self.site.load().shared.deliveries.clone();
        deliveries.wait().await;
    }
}
