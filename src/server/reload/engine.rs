//! One reload, from the files to the swap. Blocking: it reads files and derives keys.
//!
//! 1. The plan is loaded and compared with what cannot change; then everything it names is read and built: secrets, keys,
//!    upstreams, certificates, the admin token. Only when all of it is there is anything replaced.
//! 2. What was read must be of one moment: if a watched file changed while others were read, all of them are read again.
//! 3. Replacing cannot fail: the token, then the site, each by one store of a pointer, then the listeners and their
//!    certificates.

use std::path::Path;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};

use super::fixed;
use super::outcome::{Outcome, Report};
use crate::audit::checkpoint::Signer;
use crate::config::plan::{DrainSpec, Plan};
use crate::document::Fault;
use crate::domain::secret::SecretBytes;
use crate::domain::time::UnixTime;
use crate::listen::listeners::{Changed, ListenerChanges, Listeners};
use crate::pipeline::site::{Shared, Site};
use crate::secrets;
use crate::server::build::{self, BuildError, Prepared};
use crate::server::standing::{Ground, Standing};
use crate::server::watch::print::{Print, Snapshot};
use crate::server::watch::targets::Targets;

/// Where plans come from: the configuration's files, or a text that never changes.
pub type LoadPlan = Box<dyn Fn() -> Result<Plan, Vec<Fault>> + Send>;

/// How often all files are read again because one changed meanwhile.
const READINGS_MAX: usize = 4;

/// The parts outside the site that a reload replaces.
pub(crate) struct Replaceable {
    /// Where connections come in, and with which certificates.
    pub(crate) listeners: Arc<Listeners>,
    /// The admin token.
    pub(crate) token: Arc<ArcSwapOption<SecretBytes>>,
    /// How the gateway ends.
    pub(crate) drain: Arc<ArcSwap<DrainSpec>>,
    /// What requests are judged by.
    pub(crate) site: Arc<ArcSwap<Site>>,
}

/// Everything that a reload needs.
pub(crate) struct Engine {
    load: LoadPlan,
    ground: Ground,
    standing: Standing,
    replaceable: Replaceable,
    targets: Targets,
}

/// Everything new, built and not yet in force.
struct Fresh {
    plan: Plan,
    prepared: Vec<Prepared>,
    listeners: ListenerChanges,
    token: Option<SecretBytes>,
    signer: Option<Signer>,
}

impl Engine {
    /// An engine on top of what was started.
    pub(crate) fn new(load: LoadPlan, ground: Ground, standing: Standing, replaceable: Replaceable) -> Self {
        let targets = Targets::of(&standing.plan);
        Self { load, ground, standing, replaceable, targets }
    }

    /// The files that the configuration in force rests on.
    pub(crate) const fn targets(&self) -> &Targets {
        &self.targets
    }

    /// What outlives configurations.
    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.ground.shared
    }

    /// Reads everything and, if all of it is sound, puts it in force.
    pub(crate) fn reload(&mut self) -> Report {
        let (seen, read) = self.read_at_one_moment();
        let outcome = match read {
            Ok(fresh) => self.put_in_force(fresh),
            Err(faults) => Outcome::refused_for(faults),
        };
        if outcome.faults().is_none() {
            self.targets = Targets::of(&self.standing.plan);
        }
        let seen = seen.only(&self.targets);
        Report { outcome, integrations: self.standing.plan.integrations.len(), targets: self.targets.clone(), seen }
    }

    fn read_at_one_moment(&mut self) -> (Snapshot, Result<Fresh, Vec<String>>) {
        let mut last = (Snapshot::default(), Err(Vec::new()));
        for _ in 0..READINGS_MAX {
            // What the last reading opened must be closed before the next one opens it again.
            last.1 = Err(Vec::new());
            let before = Snapshot::take(&self.targets);
            let read = self.read();
            let after = Snapshot::take(&self.targets);
            let is_one_moment = after == before;
            last = (after, read);
            if is_one_moment {
                break;
            }
        }
        last
    }

    /// Everything new, or everything that is wrong with it.
    fn read(&mut self) -> Result<Fresh, Vec<String>> {
        let told = |fault: &dyn std::fmt::Display| fault.to_string();
        self.refuse_odd_files()?;
        let plan = (self.load)().map_err(|faults| faults.iter().map(|fault| told(fault)).collect::<Vec<_>>())?;
        // Whatever is wrong with what this plan names is mended there: that must be noticed, too.
        self.targets = Targets::of(&self.standing.plan).and(&Targets::of(&plan));
        let mut faults = fixed::differences(&self.standing.plan, &plan);
        let prepared = build::prepare(&plan, &self.ground.seal);
        let listeners = self.listeners(&plan);
        let token = plan.admin.token.as_ref().map(secrets::read).transpose();
        let token = token.map_err(|fault| BuildError::Token { fault });
        faults.extend(prepared.as_ref().err().into_iter().flatten().map(chain));
        faults.extend(listeners.as_ref().err().into_iter().flatten().cloned());
        faults.extend(token.as_ref().err().map(chain));
        let signer = build::audit_signer(&plan.audit).map_err(BuildError::from);
        faults.extend(signer.as_ref().err().map(chain));
        match (prepared, listeners, token, signer) {
            (Ok(prepared), Ok(listeners), Ok(token), Ok(signer)) if faults.is_empty() => {
                Ok(Fresh { plan, prepared, listeners, token, signer })
            }
            _ => Err(faults),
        }
    }

    /// A pipe in the place of the configuration would be waited for.
    fn refuse_odd_files(&self) -> Result<(), Vec<String>> {
        let odd = self.standing.plan.watched.iter().filter(|path| Print::of(path) == Print::Other);
        let faults: Vec<_> = odd.map(|path| format!("{}: is no regular file", path.display())).collect();
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// What the listeners of a plan need. A certificate that has ended does not take the place of one that has not.
    fn listeners(&self, plan: &Plan) -> Result<ListenerChanges, Vec<String>> {
        let changes = self.replaceable.listeners.prepare(&plan.listeners);
        let changes = changes.map_err(|faults| faults.iter().map(chain).collect::<Vec<_>>())?;
        let now = self.ground.shared.clock.now().wall;
        let has_ended = |ends: Vec<UnixTime>| ends.iter().any(|end| *end <= now);
        let ended = changes
            .renewals()
            .into_iter()
            .filter(|(_, in_use, fresh)| has_ended(fresh.not_after()) && !has_ended(in_use.not_after()));
        let fault = |name| format!("listener {name}: the new certificate has expired, the one in use has not");
        let faults: Vec<_> = ended.map(|(name, ..)| fault(name)).collect();
        if faults.is_empty() { Ok(changes) } else { Err(faults) }
    }

    fn put_in_force(&mut self, fresh: Fresh) -> Outcome {
        let Fresh { plan, prepared, listeners, token, signer } = fresh;
        let shared = Arc::clone(&self.ground.shared);
        let materials = prepared.iter().map(Prepared::material).collect();
        let integrations = plan.integrations.len();
        self.standing.retire(&plan, &shared.metrics);
        let site = Arc::new(build::site(&plan, prepared, &self.ground, Some(&self.standing)));
        self.replaceable.token.store(token.map(Arc::new));
        shared.auditor.sign_with(signer);
        self.replaceable.drain.store(Arc::new(plan.drain));
        self.replaceable.site.store(Arc::clone(&site));
        // Behind the site: whoever comes in by a new door finds the routes that it was opened for.
        let changed = self.replaceable.listeners.apply(listeners);
        if changed != Changed::default() {
            let Changed { opened, exchanged, closed } = changed;
            tracing::info!(opened, exchanged, closed, "listeners changed");
        }
        self.standing.next(plan, site, materials, shared.clock.now().wall);
        shared.switches.forget_unused();
        Outcome::Applied { integrations }
    }
}

/// An error and everything under it, on one line.
fn chain(error: &(impl std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let said = source.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        next = source.source();
    }
    text
}

/// Loads the plan of a file.
#[must_use]
pub fn from_file(file: &Path) -> LoadPlan {
    let file = file.to_owned();
    Box::new(move || crate::config::load(&file))
}

/// The same plan every time: what it names is read again, itself is not.
#[must_use]
pub fn always(plan: &Plan) -> LoadPlan {
    let plan = plan.clone();
    Box::new(move || Ok(plan.clone()))
}
