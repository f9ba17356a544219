//! All files to one plan: in which order the parts are read.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use super::context::{Context, Register, UnplannedSecret};
use super::file::{self, Source};
use super::integration;
use super::plan::{AdminSpec, IntegrationPlan, Plan};
use super::section::{self, Settings};
use crate::document::{Fault, Faults, Table};
use crate::provider::Catalogue;

/// What may stand only once in all files.
struct Registers {
    routes: Register<(Option<String>, String)>,
    names: Register<String>,
    providers: Register<String>,
    unplanned: RefCell<Vec<UnplannedSecret>>,
}

/// What can be told of a configuration, whatever is wrong with it. To be looked at; nothing may be built from it unless
/// there are no faults.
#[derive(Debug)]
pub struct Examined {
    /// Every fault, in the order of their places.
    pub faults: Vec<Fault>,
    /// What could be read, with stand-ins for what could not; none of a file that is no TOML.
    pub plan: Option<Plan>,
    /// The secrets of integrations that are not in the plan.
    pub unplanned: Vec<UnplannedSecret>,
}

impl Examined {
    /// Nothing could be read.
    pub(super) const fn nothing(faults: Vec<Fault>) -> Self {
        Self { faults, plan: None, unplanned: Vec::new() }
    }

    /// The plan, if nothing is wrong with it.
    pub(super) fn into_plan(self) -> Result<Plan, Vec<Fault>> {
        match self.plan {
            Some(plan) if self.faults.is_empty() => Ok(plan),
            _ => Err(self.faults),
        }
    }
}

/// Reads the main file, what it includes, and all of it together.
pub(super) fn examine(main: &Source, path: &Path) -> Examined {
    let faults = Faults::default();
    if main.document.is_broken() {
        // Not even its `include` can be believed.
        main.document.read(&faults, |_| ());
        return Examined::nothing(faults.into_sorted());
    }
    let notes = Faults::default();
    let (included, watched) = include(main, path, &faults);
    let providers = Register::new();
    let catalogue = catalogue(std::iter::once(main).chain(&included), &providers, &faults);
    let registers = Registers { routes: Register::new(), names: Register::new(), providers, unplanned: RefCell::default() };
    let (settings, mut integrations) = main.document.read(&faults, |root| {
        // Read in the passes before this one.
        let _ = (root.entry("include"), root.entry("provider"));
        let settings = section::read(root, &main.base, &notes);
        let context = context(&main.base, &catalogue, &settings, &registers, &notes);
        let integrations = integration::all(root, &context);
        (settings, integrations)
    });
    for source in &included {
        let context = context(&source.base, &catalogue, &settings, &registers, &notes);
        integrations.extend(source.document.read(&faults, |root| included_root(root, &context)));
    }
    if registers.names.is_empty() {
        let hint = "add at least one [integration.NAME]; `hookward init` writes one to start from";
        faults.push(Fault::new(file::start_of(main.document.name()), "integration", "is missing").hint(hint));
    }
    integrations.sort_by(|left, right| left.name.cmp(&right.name));
    let plan = settings.into_plan(integrations, notes.into_sorted(), watched);
    Examined { faults: faults.into_sorted(), plan: Some(plan), unplanned: registers.unplanned.into_inner() }
}

/// Reads `[admin]` of the main file, whatever stands beside it.
pub(super) fn admin(main: &Source) -> Result<AdminSpec, Vec<Fault>> {
    let faults = Faults::default();
    let admin = main.document.read(&faults, |root| {
        let _ = root.entries();
        section::admin(root, &main.base)
    });
    if faults.is_empty() { Ok(admin) } else { Err(faults.into_sorted()) }
}

fn context<'a>(
    base: &'a Path,
    catalogue: &'a Catalogue,
    settings: &'a Settings,
    registers: &'a Registers,
    notes: &'a Faults,
) -> Context<'a> {
    Context {
        base,
        catalogue,
        settings,
        routes: &registers.routes,
        names: &registers.names,
        providers: &registers.providers,
        notes,
        unplanned: &registers.unplanned,
    }
}

/// The included files that could be read, and everything a watcher must look at.
fn include(main: &Source, path: &Path, faults: &Faults) -> (Vec<Source>, Vec<PathBuf>) {
    let included = main.document.read(faults, |root| {
        let _ = root.entries();
        file::included(root, &main.base, path)
    });
    let mut sources = Vec::new();
    for path in &included.files {
        match file::open_included(path) {
            Ok(source) => sources.push(source),
            Err(fault) => faults.push(fault),
        }
    }
    let watched = std::iter::once(path.to_owned()).chain(included.directories).chain(included.files);
    (sources, watched.collect())
}

/// The presets and the providers that the files define.
fn catalogue<'a>(sources: impl Iterator<Item = &'a Source>, taken: &Register<String>, faults: &Faults) -> Catalogue {
    let mut custom = Vec::new();
    for source in sources {
        source.document.read(faults, |root| {
            let _ = root.entries();
            custom.extend(section::providers(root, taken));
        });
    }
    Catalogue::builtin().with_custom(custom)
}

/// An included file may hold integrations and providers, nothing else.
fn included_root(root: &Table<'_>, context: &Context<'_>) -> Vec<IntegrationPlan> {
    let _ = root.entry("provider");
    let hint = "an included file may hold [integration.NAME] and [provider.NAME] only";
    root.refuse(&section::MAIN_ONLY, "may stand in the main file only", hint);
    integration::all(root, context)
}
