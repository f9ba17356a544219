//! The listeners that are open, and how they change while connections run.
//!
//! A listener is known by the address it is bound to. A new configuration
//! 1. keeps one whose settings are the same; its certificates are read anew and exchanged;
//! 2. changes one whose settings differ, on the socket that it has: connections made from then on go by the new settings,
//!    those made before end after the request they are in;
//! 3. opens one that is new, and closes one that is gone: what the kernel had accepted is served, the others are refused, and
//!    its connections end after the request they are in.
//!
//! Everything is read and bound first ([`Listeners::prepare`]), and nothing changes if any of it fails; putting it in force
//! ([`Listeners::apply`]) cannot fail. Whoever is not named in a change notices nothing of it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::bind::{BoundListener, Door, bind_one};
use super::error::ListenError;
use super::socket::BoundSocket;
use super::spec::{EntrySpec, ListenerSpec};
use super::tls::{FreshCertificates, TlsEntry};
use crate::domain::name::ListenerName;

/// The open listeners. Shared by whoever changes them and whoever looks at them.
#[derive(Debug)]
pub struct Listeners {
    standing: Mutex<Vec<Standing>>,
    openings: mpsc::Sender<Opening>,
    /// Ends all of them.
    stop: CancellationToken,
}

/// One open listener.
#[derive(Clone, Debug)]
struct Standing {
    spec: ListenerSpec,
    door: Arc<ArcSwap<Door>>,
    stop: CancellationToken,
}

/// A socket on its way to the thread that accepts from it.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) socket: BoundSocket,
    /// As it is now; each connection keeps the one it came in by.
    pub(super) door: Arc<ArcSwap<Door>>,
    pub(super) stop: CancellationToken,
}

/// What [`super::workers::Workers`] accept from.
#[derive(Debug)]
#[must_use = "nothing is accepted until it is given to the workers"]
pub struct Openings {
    pub(super) arriving: mpsc::Receiver<Opening>,
    pub(super) stop: CancellationToken,
}

/// Everything that a new configuration's listeners need, read and bound, and not yet in force.
#[derive(Debug)]
#[must_use = "listeners change when the changes are applied"]
pub struct ListenerChanges(Vec<(ListenerSpec, Change)>);

#[derive(Debug)]
enum Change {
    Keep(Standing, Option<FreshCertificates>),
    Exchange(Standing, Box<Door>),
    Open(Box<BoundListener>),
}

/// How many listeners a change opened, changed and closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Newly bound.
    pub opened: usize,
    /// With other settings on the socket they had.
    pub exchanged: usize,
    /// Gone.
    pub closed: usize,
}

impl Listeners {
    /// These listeners, and what accepts from them.
    pub fn new(bound: Vec<BoundListener>) -> (Arc<Self>, Openings) {
        let (openings, arriving) = mpsc::channel(bound.len().saturating_add(OPENINGS_MAX));
        let stop = CancellationToken::new();
        let listeners = Self { standing: Mutex::default(), openings, stop: stop.clone() };
        let standing = bound.into_iter().filter_map(|listener| listeners.open(listener)).collect();
        *listeners.standing.lock() = standing;
        (Arc::new(listeners), Openings { arriving, stop })
    }

    /// Reads and binds what these specs need beyond what is open, or says everything that is wrong.
    pub fn prepare(&self, specs: &[ListenerSpec]) -> Result<ListenerChanges, Vec<ListenError>> {
        let standing = self.standing.lock().clone();
        let (mut changes, mut faults) = (Vec::with_capacity(specs.len()), Vec::new());
        for spec in specs {
            match prepare_one(standing.iter().find(|open| open.spec.bind == spec.bind), spec) {
                Ok(change) => changes.push((spec.clone(), change)),
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() { Ok(ListenerChanges(changes)) } else { Err(faults) }
    }

    /// Puts changes in force.
    pub fn apply(&self, changes: ListenerChanges) -> Changed {
        let mut tally = Changed::default();
        let mut next = Vec::with_capacity(changes.0.len());
        for (spec, change) in changes.0 {
            next.extend(match change {
                Change::Keep(standing, fresh) => {
                    standing.renew(fresh);
                    Some(Standing { spec, ..standing })
                }
                Change::Exchange(standing, door) => {
                    tally.exchanged = tally.exchanged.saturating_add(1);
                    standing.door.swap(Arc::new(*door)).leaving.cancel();
                    Some(Standing { spec, ..standing })
                }
                Change::Open(listener) => {
                    tally.opened = tally.opened.saturating_add(1);
                    self.open(*listener)
                }
            });
        }
        let before = std::mem::replace(&mut *self.standing.lock(), next.clone());
        for gone in before.iter().filter(|old| next.iter().all(|new| new.spec.bind != old.spec.bind)) {
            tally.closed = tally.closed.saturating_add(1);
            gone.stop.cancel();
        }
        tally
    }

    /// The certificates of every listener that ends TLS.
    #[must_use]
    pub fn tls_entries(&self) -> Vec<(ListenerName, Arc<TlsEntry>)> {
        let entry = |standing: &Standing| standing.door.load().tls.clone().map(|entry| (standing.spec.name.clone(), entry));
        self.standing.lock().iter().filter_map(entry).collect()
    }

    fn open(&self, listener: BoundListener) -> Option<Standing> {
        let BoundListener { socket, door, spec, .. } = listener;
        let (door, stop) = (Arc::new(ArcSwap::from_pointee(door)), self.stop.child_token());
        let standing = Standing { spec, door: Arc::clone(&door), stop: stop.clone() };
        let sent = self.openings.try_send(Opening { socket, door, stop });
        sent.inspect_err(|_| tracing::error!(listener = %standing.spec.name, "nobody accepts from it")).ok().map(|()| standing)
    }
}

fn prepare_one(open: Option<&Standing>, spec: &ListenerSpec) -> Result<Change, ListenError> {
    let Some(open) = open else { return bind_one(spec).map(|listener| Change::Open(Box::new(listener))) };
    if !spec.is_same_but_for_certificates(&open.spec) {
        return Door::open(spec).map(|door| Change::Exchange(open.clone(), Box::new(door)));
    }
    let door = open.door.load();
    let fresh = match (&door.tls, &spec.entry) {
        (Some(entry), EntrySpec::Tls(tls)) => Some(entry.read(&tls.certificates)),
        _ => None,
    };
    let fresh = fresh.transpose().map_err(|source| ListenError::Tls { name: spec.name.clone(), source })?;
    Ok(Change::Keep(open.clone(), fresh))
}

impl Standing {
    fn renew(&self, fresh: Option<FreshCertificates>) {
        if let (Some(entry), Some(fresh)) = (&self.door.load().tls, fresh) {
            entry.replace(fresh);
        }
    }
}

impl ListenerChanges {
    /// The certificates that would be exchanged: whose, those in use, and the new ones.
    #[must_use]
    pub fn renewals(&self) -> Vec<(&ListenerName, Arc<TlsEntry>, &FreshCertificates)> {
        self.0
            .iter()
            .filter_map(|(spec, change)| match change {
                Change::Keep(standing, Some(fresh)) => standing.door.load().tls.clone().map(|in_use| (&spec.name, in_use, fresh)),
                Change::Keep(_, None) | Change::Exchange(..) | Change::Open(_) => None,
            })
            .collect()
    }
}

impl ListenerSpec {
    /// Whether connections would be treated the same; certificates may come from other files.
    fn is_same_but_for_certificates(&self, other: &Self) -> bool {
        self.without_certificates() == other.without_certificates()
    }

    fn without_certificates(&self) -> Self {
        let mut bare = self.clone();
        if let EntrySpec::Tls(tls) = &mut bare.entry {
            tls.certificates.clear();
        }
        bare
    }
}

/// Listeners that may be on their way to the accepting thread at once, beside the first ones.
const OPENINGS_MAX: usize = 1024;
