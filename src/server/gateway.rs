//! A running gateway: started whole, drained in order.
//!
//! Start: secrets and upstreams, the state directory, the sockets, the audit log, the store, the threads. Whatever fails before
//! the threads leaves nothing behind.
//!
//! End: 1. readiness off, still serving, for `drain_delay`; 2. no new connection, no new request; what is under way ends, or
//! is cut at `drain_timeout`; 3. the audit log is written out and synced.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::audit::auditor::Auditor;
use crate::audit::error::AuditError;
use crate::config::plan::{AdminSpec, DrainSpec, Plan};
use crate::domain::secret::SecretBytes;
use crate::domain::time::Clock;
use crate::fetch::client::{Detour, Fetcher};
use crate::fetch::sources::Sources;
use crate::gate::replay::disk::DiskStore;
use crate::gate::replay::memory::MemoryStore;
use crate::gate::replay::redis::address::Address;
use crate::gate::replay::redis::error::RedisOpenError;
use crate::gate::replay::redis::{RedisSettings, RedisStore};
use crate::gate::replay::spec::{RedisSpec, ReplaySpec, StoreSpec};
use crate::gate::replay::store::Store;
use crate::inventory::board::Inventory;
use crate::listen::bind::{Inherited, bind_or_take_all};
use crate::listen::context::RequestContext;
use crate::listen::counters::ListenCounters;
use crate::listen::listeners::{Listeners, Openings};
use crate::listen::serve::{Handler, ResponseBody};
use crate::listen::spec::BindAddress;
use crate::listen::workers::{Drained, Running, Workers};
use crate::pipeline::certificates::Certificates;
use crate::pipeline::exposure::Lookout;
use crate::pipeline::life::live;
use crate::pipeline::settled::Settled;
use crate::pipeline::site::{Ending, Inflight, Shared, Site};
use crate::secrets;
use crate::secrets::handover::Handovers;
use crate::secrets::live::LiveTexts;
use crate::server::admin::{self, Access, Admin, AdminSocket, Controls};
use crate::server::build::{self, BuildError, Prepared};
use crate::server::historian::Historian;
use crate::server::housekeeper::Housekeeper;
use crate::server::key_refresher;
use crate::server::lookout::LookoutThread;
use crate::server::material::Seal;
use crate::server::observe::Observed;
use crate::server::otlp::ExporterThread;
use crate::server::reload::engine::{self, Engine, LoadPlan, Replaceable};
use crate::server::reload::{Reloader, Reloads};
use crate::server::standing::{Ground, Standing};
use crate::server::state_directory::StateDirectory;
use crate::switch::board::Switchboard;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::otlp::Outbox;

/// A running gateway.
pub struct Gateway {
    addresses: Vec<BindAddress>,
    admin_address: BindAddress,
    site: Arc<ArcSwap<Site>>,
    observed: Arc<Observed>,
    running: Running,
    /// The admin listeners and the reloader.
    tasks: Vec<JoinHandle<()>>,
    reloads: Reloads,
    drain: Arc<ArcSwap<DrainSpec>>,
    // Dropped last, in this order: nothing may use the directory any more when its lock is given back.
    housekeeper: Housekeeper,
    historian: Historian,
    lookout: LookoutThread,
    exporter: Option<ExporterThread>,
    _state_directory: StateDirectory,
}

/// What a gateway is started with besides its plan.
pub struct Surroundings {
    /// Where the next plan comes from.
    pub load: LoadPlan,
    /// Sockets that somebody opened for it.
    pub inherited: Inherited,
    /// Where `now` comes from.
    pub clock: Clock,
    /// How many workers there are.
    pub workers: usize,
    /// Where what is fetched comes from instead; for tests.
    pub detour: Option<Detour>,
}

impl Surroundings {
    /// A plan that never changes, though what it names may, and sockets of the gateway's own.
    #[must_use]
    pub fn fixed(plan: &Plan, clock: Clock, workers: usize) -> Self {
        Self { load: engine::always(plan), inherited: Inherited::default(), clock, workers, detour: None }
    }
}

impl Gateway {
    /// Builds and starts everything of a plan, or says everything that is wrong.
    pub async fn start(plan: &Plan, surroundings: Surroundings) -> Result<Self, Vec<BuildError>> {
        let Surroundings { load, inherited, clock, workers, detour } = surroundings;
        let seal = Seal::default();
        let prepared = build::prepare(plan, &seal)?;
        let materials = prepared.iter().map(Prepared::material).collect();
        let (mut sockets, openings) = Sockets::open(plan, inherited).await.map_err(one)?;
        let state_directory = StateDirectory::open(&plan.state_dir).map_err(one)?;
        let shared = shared(plan, &state_directory, clock).await.map_err(one)?;
        let certificates = Arc::new(Certificates::new(Fetcher::new(detour.clone()), shared.clock.clone()));
        let shared = Arc::new(Shared { fetcher: Fetcher::new(detour.clone()), certificates, ..shared });
        let ground = Ground { shared: Arc::clone(&shared), workers, seal };
        let first = Arc::new(build::site(plan, prepared, &ground, None));
        let site = Arc::new(ArcSwap::new(Arc::clone(&first)));
        let connections = Arc::new(ListenCounters::default());
        let observed = sockets.observed(&site, &connections);
        let housekeeper = Housekeeper::start(&site).map_err(one)?;
        let historian = Historian::start(&site).map_err(one)?;
        let page = Arc::clone(observed.hub()).run(Arc::clone(&observed));
        let replicas = observed.replicas().cloned();
        let known = match &replicas {
            Some(replicas) => Some(replicas.begin().await),
            None => None,
        };
        let lookout = LookoutThread::start(&first.shared).map_err(one)?;
        let drain = Arc::new(ArcSwap::from_pointee(plan.drain));
        let replaceable = sockets.replaceable(&site, &drain);
        let engine = Engine::new(load, ground, Standing::first(plan.clone(), first, materials), replaceable);
        let exporter = plan.otlp.as_ref().map(|spec| ExporterThread::start(spec, &shared, &observed));
        let exporter = exporter.transpose().map_err(one)?.flatten();
        let (reloader, reloads) = Reloader::new(&engine, Arc::clone(&observed));
        let (addresses, admin_address) = (sockets.addresses.clone(), sockets.admin_address.clone());
        let controls = Controls { site: Arc::clone(&site), reloads: reloads.clone(), token: Arc::clone(&sockets.token) };
        let mut tasks = sockets.serve_admin(&observed, &Arc::new(controls));
        let lines = Arc::clone(&site);
        let make_line = move |worker| Line { site: Arc::clone(&lines), worker };
        let running = Workers::start(workers, openings, &plan.connections, make_line, &connections).map_err(one)?;
        tasks.push(tokio::spawn(reloader.run(engine)));
        tasks.push(tokio::spawn(key_refresher::run(Arc::clone(&site), Fetcher::new(detour))));
        tasks.push(tokio::spawn(page));
        let talk = replicas.zip(known).map(|(replicas, known)| tokio::spawn(replicas.run(known)));
        tasks.extend(talk);
        Ok(Self {
            addresses,
            admin_address,
            site,
            observed,
            running,
            tasks,
            reloads,
            drain,
            housekeeper,
            historian,
            lookout,
            exporter,
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
    pub const fn admin_address(&self) -> &BindAddress {
        &self.admin_address
    }

    /// Whether it can serve now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.observed.readiness().is_ready()
    }

    /// The way to ask it to reload.
    #[must_use]
    pub const fn reloads(&self) -> &Reloads {
        &self.reloads
    }

    /// Ends it in order. Answers how many connections had to be cut, or that the audit log could not be written out.
    pub async fn drain(self) -> Result<Drained, AuditError> {
        let shared = Arc::clone(&self.site.load().shared);
        let DrainSpec { delay, timeout } = **self.drain.load();
        shared.ending.leave();
        tokio::time::sleep(delay).await;
        shared.ending.drain();
        shared.deliveries.close();
        let drained = self.running.drain(timeout).await;
        self.housekeeper.stop();
        self.historian.stop();
        self.lookout.stop();
        let written = shared.auditor.shutdown().await;
        if let Some(exporter) = self.exporter {
            exporter.stop().await;
        }
        for task in &self.tasks {
            task.abort();
        }
        if let Some(replicas) = self.observed.replicas() {
            replicas.leave().await;
        }
        written.map(|()| drained)
    }
}

fn one(error: impl Into<BuildError>) -> Vec<BuildError> {
    vec![error.into()]
}

/// Makes what outlives a configuration: the store, the budgets, the audit log. For whoever runs a site without sockets.
pub async fn shared(plan: &Plan, state_directory: &StateDirectory, clock: Clock) -> Result<Shared, BuildError> {
    let metrics = Arc::new(Metrics::new());
    let texts = Arc::new(LiveTexts::default());
    let signer = build::audit_signer(&plan.audit).map_err(BuildError::from)?;
    let auditor = Auditor::start(&plan.audit, state_directory.path(), clock.clone())?;
    auditor.sign_with(signer);
    Ok(Shared {
        store: Arc::new(store(&plan.replay, state_directory, &clock).await?),
        inventory: Inventory::open(state_directory.path()),
        settled: Settled::default(),
        fetcher: Fetcher::default(),
        certificates: Arc::new(Certificates::new(Fetcher::default(), clock.clone())),
        key_sources: Sources::default(),
        handovers: Arc::new(Handovers::new(Arc::clone(&texts))),
        texts,
        switches: Switchboard::open(state_directory.path())?,
        auditor,
        unrouted: metrics.unrouted(),
        deliveries: TaskTracker::new(),
        outbox: plan.otlp.as_ref().map(|spec| Arc::new(Outbox::new(spec.traces, spec.metrics, spec.sample_percent))),
        lookout: Lookout::default(),
        inflight: Inflight::default(),
        ending: Ending::default(),
        metrics,
        clock,
    })
}

async fn store(spec: &ReplaySpec, state_directory: &StateDirectory, clock: &Clock) -> Result<Store, BuildError> {
    match &spec.store {
        StoreSpec::Memory => Ok(Store::Memory(MemoryStore::new(spec.capacity, clock.now()))),
        StoreSpec::Disk => Ok(Store::Disk(DiskStore::open(state_directory.path(), spec.capacity, clock.now())?)),
        StoreSpec::Redis(redis) => Ok(Store::Redis(RedisStore::open(redis_settings(redis)?, clock.clone()).await?)),
    }
}

fn redis_settings(spec: &RedisSpec) -> Result<RedisSettings, BuildError> {
    let url = secrets::read(&spec.url).map_err(|fault| BuildError::RedisUrl { fault })?;
    let address = Address::parse(&url).map_err(RedisOpenError::Address)?;
    let source = spec.url.clone();
    let reread = Box::new(move || secrets::read(&source).ok().and_then(|url| Address::parse(&url).ok()));
    Ok(RedisSettings { address, reread, prefix: spec.prefix.clone(), timeout: spec.timeout, roots: spec.ca.clone() })
}

/// Everything that listens, opened before anything runs.
struct Sockets {
    listeners: Arc<Listeners>,
    addresses: Vec<BindAddress>,
    admin: Vec<(AdminSocket, Access)>,
    admin_address: BindAddress,
    token: Arc<ArcSwapOption<SecretBytes>>,
}

impl Sockets {
    async fn open(plan: &Plan, inherited: Inherited) -> Result<(Self, Openings), BuildError> {
        let bound = bind_or_take_all(&plan.listeners, inherited)?;
        let token = plan.admin.token.as_ref().map(secrets::read).transpose();
        let token = token.map_err(|fault| BuildError::Token { fault })?;
        let main = bind_admin(&plan.admin.bind).await?;
        let admin_address = main.address().unwrap_or_else(|| plan.admin.bind.clone());
        let access = if plan.admin.is_local() { Access::Loopback } else { Access::Token };
        let mut admin = vec![(main, access)];
        if let AdminSpec { probe_bind: Some(address), .. } = plan.admin {
            admin.push((bind_admin(&BindAddress::Tcp(address)).await?, Access::Probes));
        }
        let token = Arc::new(ArcSwapOption::from(token.map(Arc::new)));
        let addresses = bound.iter().map(|listener| listener.address().clone()).collect();
        let (listeners, openings) = Listeners::new(bound);
        Ok((Self { listeners, addresses, admin, admin_address, token }, openings))
    }

    fn observed(&self, site: &Arc<ArcSwap<Site>>, connections: &Arc<ListenCounters>) -> Arc<Observed> {
        Arc::new(Observed::new(Arc::clone(site), Arc::clone(connections), Arc::clone(&self.listeners)))
    }

    fn replaceable(&self, site: &Arc<ArcSwap<Site>>, drain: &Arc<ArcSwap<DrainSpec>>) -> Replaceable {
        Replaceable {
            listeners: Arc::clone(&self.listeners),
            token: Arc::clone(&self.token),
            drain: Arc::clone(drain),
            site: Arc::clone(site),
        }
    }

    fn serve_admin(&mut self, observed: &Arc<Observed>, controls: &Arc<Controls>) -> Vec<JoinHandle<()>> {
        let serve = |(listener, access)| {
            let admin = Arc::new(Admin::new(Arc::clone(observed), Arc::clone(controls), access));
            tokio::spawn(admin::serve(listener, admin))
        };
        self.admin.drain(..).map(serve).collect()
    }
}

async fn bind_admin(address: &BindAddress) -> Result<AdminSocket, BuildError> {
    AdminSocket::bind(address).await.map_err(|source| BuildError::Admin { address: address.clone(), source })
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
