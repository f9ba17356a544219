//! The house rules as tests: what the compiler and clippy cannot see, a table here does.
//!
//! A rule that must change is changed in its table, with the reason; a file that breaks one is mended. Comments and the
//! contents of strings are not looked at unless a rule says so, and neither are test modules.

#![expect(clippy::unwrap_used, reason = "a broken rule fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

// --- the rules ---------------------------------------------------------------------------------------------------------

/// D1. The floors, lowest first: a room may name the rooms of lower floors only.
const FLOORS: &[&[&str]] = &[
    &["domain", "digest"],
    &["document", "telemetry", "provider", "trust"],
    &["gate", "secrets", "audit", "listen", "switch", "inventory", "fetch"],
    &["pipeline", "config"],
    &["server", "lint"],
    &["cli"],
];

/// D1. Arrows inside a floor, each with its reason.
const SIDEWAYS: &[(&str, &str, &str)] =
    &[("provider", "document", "schemes are TOML documents, read with places like any other")];

/// D2. The gates in the order of life. A gate may name the tickets of the gates before it, which its own ticket owns, and specs.
const GATES: &[&str] = &["admit", "intake", "verify", "scope", "replay", "pace", "forward"];

/// D2. What else a gate may name of another, with the reason.
const BETWEEN_GATES: &[(&str, &str, &str)] =
    &[("pace", "replay::settlement::Settlement", "a refused budget gives the claim back, in the store's own words")];

/// D3. Every ticket and the only file that can make one.
const TICKETS: &[(&str, &str)] = &[
    ("Admitted", "src/gate/admit/gate.rs"),
    ("Verified", "src/gate/verify/gate.rs"),
    ("Scoped", "src/gate/scope/gate.rs"),
    ("Claimed", "src/gate/replay/gate.rs"),
    ("Paced", "src/gate/pace/gate.rs"),
    ("Forwarded", "src/gate/forward/gate.rs"),
];

/// D4. Where judgement is pure; so is every file whose first line of documentation ends in `pure`.
const PURE: &[&str] = &["src/domain/", "src/digest/", "src/document/", "src/provider/", "src/gate/verify/", "src/gate/scope/"];

/// D4. What pure code does not name.
const IMPURE: &[&str] = &[
    "tokio",
    "hyper",
    "hyper_util",
    "std::fs",
    "fs::",
    "std::env",
    "env::",
    "SystemTime",
    "Instant",
    "TcpStream",
    "UnixStream",
    "socket2",
    "getrandom",
    "rand",
    "tracing",
    "thread",
];

/// D4. Where pure code touches the machine, or a word that looks like it, and why.
const PURE_BUT: &[(&str, &[&str], &str)] = &[
    ("src/domain/time.rs", &["SystemTime", "Instant"], "the one reader of the clock"),
    ("src/domain/request_id.rs", &["getrandom", "thread"], "the one source of request ids"),
    ("src/gate/verify/private_key.rs", &["rand"], "signing asks for a source; verification has none"),
    ("src/domain/budget.rs", &["Instant"], "the name of a type that governor's clock asks for; no clock is read"),
];

/// D5 to D8 and D11. Words and the only places where they may stand; nowhere when the list is empty.
const WORDS: &[(&[&str], &[&str], &str)] = &[
    (
        &["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now", ".elapsed()"],
        &["src/domain/time.rs", "src/gate/intake/gate.rs", "src/gate/forward/deadline.rs", "src/listen/guard/deadline.rs"],
        "D5: one reader of the clock; three places set the runtime's timers",
    ),
    (
        &["env::var", "env::var_os", "env::vars", "env::vars_os"],
        &["src/cli/", "src/secrets/environment.rs"],
        "D6: the environment",
    ),
    (&["Deserialize"], &[], "D7: what comes in is read by hand, so that every fault has its place"),
    (&["Serialize"], &["src/server/", "src/cli/", "src/audit/"], "D7: only what is printed is serialised"),
    (&["anyhow"], &["src/cli/"], "D8: errors are facts below the command line"),
    (&["todo!", "unimplemented!", "dbg!", "#[ignore"], &[], "D11: finished or absent"),
    (&["super::super"], &[], "D1: a room is named from the crate's root"),
    (&["#[allow(", "#![allow("], &[], "lints are expected with a reason, never allowed"),
    (&["unsafe"], &[], "there is none"),
    (&["process::exit"], &[], "exit codes are returned"),
    (&["println!", "eprintln!", "print!", "eprint!"], &["src/cli/"], "only the command line talks"),
];

/// D11. Names that say nothing.
const NAMELESS: &[&str] =
    &["util", "utils", "helper", "helpers", "common", "misc", "types", "manager", "managers", "prelude", "stuff"];

/// D11. The most lines of code of a file, and of a function from its name to its last brace.
const FILE_LINES_MAX: usize = 300;
const FUNCTION_LINES_MAX: usize = 70;

/// D9. The room that spells metric names.
const METRICS_ROOM: &str = "src/telemetry/";

/// What stands in no file of ours: places of one machine, and who or what held the pen. Cut in two, so that the table does
/// not find itself.
const UNSAID: &[(&str, &str)] = &[
    ("/wo", "rk/"),
    ("/ro", "ot/"),
    ("/ho", "me/"),
    ("/Us", "ers/"),
    ("/tmp/", "wt"),
    ("/tmp/", "hw"),
    ("gener", "ated by"),
    ("co-auth", "ored-by"),
    ("language ", "model"),
    ("ai-", "written"),
    ("as an ", "ai"),
    ("crates.", "io/api"),
    ("index.cr", "ates.io"),
    ("static.cr", "ates.io"),
];

// --- the tests ---------------------------------------------------------------------------------------------------------

#[test]
fn arrows_point_down_the_floors() {
    check(&Source::production(), |source| {
        let room = source.room()?;
        let may = |named: &str| {
            named == room || floor(named) < floor(room) || SIDEWAYS.iter().any(|(from, to, _)| *from == room && *to == named)
        };
        let wrong = source.paths("crate::").into_iter().filter(|path| !may(head(path)) && !names_spec(path));
        complaint(wrong.map(|path| format!("{room} may not name crate::{path}")))
    });
}

#[test]
fn every_room_has_a_floor() {
    let rooms = fs::read_dir(root().join("src")).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    for room in rooms.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()) {
        assert!(floor(&room) < FLOORS.len(), "src/{room} stands in no floor of FLOORS");
    }
}

#[test]
fn rooms_are_named_one_by_one() {
    check(&Source::production(), |source| {
        let grouped = ["crate::{", "crate::gate::{", "crate::*", "crate::gate::*"];
        complaint(
            grouped.iter().filter(|text| source.code.contains(**text)).map(|text| format!("{text} hides which room is named")),
        )
    });
}

#[test]
fn a_gate_names_the_tickets_before_it_and_nothing_else() {
    check(&Source::production(), |source| {
        let gate = source.path.strip_prefix("src/gate/")?.split_once('/')?.0;
        let Some(place) = GATES.iter().position(|name| *name == gate) else {
            return Some(format!("the gate {gate} stands nowhere in GATES"));
        };
        let is_ticket = |path: &str| {
            let earlier =
                TICKETS.iter().filter(|(_, file)| GATES[..place].iter().any(|gate| file.contains(&format!("/{gate}/"))));
            earlier.map(|(ticket, file)| ticket_path(ticket, file)).any(|ticket| ticket == path)
        };
        let excused = |path: &str| BETWEEN_GATES.iter().any(|(from, to, _)| *from == gate && *to == path);
        let wrong = source.paths("crate::gate::").into_iter().filter(|path| head(path) != gate && !names_spec(path));
        let wrong = wrong.filter(|path| !is_ticket(path) && !excused(path));
        complaint(wrong.map(|path| format!("{gate} may not name gate::{path}")))
    });
}

fn ticket_path(ticket: &str, file: &str) -> String {
    let module = file.trim_start_matches("src/gate/").trim_end_matches(".rs").replace('/', "::");
    format!("{module}::{ticket}")
}

#[test]
fn a_ticket_is_made_in_its_gate_only() {
    let sources = Source::production();
    for (ticket, gate) in TICKETS {
        for source in sources.iter().filter(|source| source.path != *gate) {
            assert_eq!(source.literals(ticket), 0, "{} makes a {ticket}, which is {gate}'s", source.path);
        }
        let Some(source) = sources.iter().find(|source| source.path == *gate) else { continue };
        let Some(at) = source.code.find(&format!("pub struct {ticket}")) else { continue };
        let before = &source.code[source.code[..at].rfind("\n\n").unwrap_or(0)..at];
        assert!(before.contains("#[must_use"), "{gate}: {ticket} must be used");
        assert!(!before.contains("Clone"), "{gate}: a {ticket} is one proof, not two");
        let body = &source.code[at..at + source.code[at..].find(['}', ';']).unwrap()];
        assert_eq!(body.matches("pub").count(), 1, "{gate}: the fields of {ticket} are its own");
        assert!(source.literals(ticket) <= 1, "{gate}: one place makes a {ticket}");
    }
}

#[test]
fn judgement_is_pure() {
    check(&Source::production(), |source| {
        let first = source.text.lines().next().unwrap_or_default().trim_end_matches('.');
        if !PURE.iter().any(|room| source.path.starts_with(room)) && !first.to_lowercase().ends_with(" pure") {
            return None;
        }
        let excused = PURE_BUT.iter().find(|(path, ..)| *path == source.path).map_or(&[][..], |(_, words, _)| words);
        let named = IMPURE.iter().filter(|word| !excused.contains(word) && source.has_word(word));
        complaint(named.map(|word| format!("pure code names {word}")))
    });
}

#[test]
fn words_stand_where_they_may() {
    check(&Source::production(), |source| {
        let rules = WORDS.iter().filter(|(_, places, _)| !places.iter().any(|place| source.path.starts_with(place)));
        let found = rules.flat_map(|(words, _, why)| words.iter().map(move |word| (word, why)));
        complaint(found.filter(|(word, _)| source.has_word(word)).map(|(word, why)| format!("{word} ({why})")))
    });
}

#[test]
fn tests_are_neither_skipped_nor_unfinished() {
    check(&Source::all(), |source| {
        let words = ["#[ignore", "todo!", "unimplemented!", "dbg!"];
        complaint(words.iter().filter(|word| source.has_word(word)).map(|word| format!("{word} in a test")))
    });
}

#[test]
fn every_file_opens_with_its_documentation() {
    check(&Source::all(), |source| (!source.text.starts_with("//! ")).then(|| "opens without `//!`".to_owned()));
}

#[test]
fn names_say_something() {
    check(&Source::all(), |source| {
        let mut names = source.path.trim_end_matches(".rs").split('/');
        let nameless = names.find(|name| NAMELESS.contains(name) || name.ends_with("_main") || name.ends_with("_utils"));
        nameless.map(|name| format!("`{name}` says nothing"))
    });
}

#[test]
fn files_and_functions_stay_small() {
    check(&Source::production(), |source| {
        // Of a line with a name of a list and nothing else a comma is left: the catalogue's names are data, one a line.
        let lines = source.code.lines().filter(|line| !matches!(line.trim(), "" | ",")).count();
        let functions = source.functions().into_iter().filter(|(_, lines)| *lines > FUNCTION_LINES_MAX);
        let file = (lines > FILE_LINES_MAX).then(|| format!("{lines} lines of code; the most is {FILE_LINES_MAX}"));
        let functions = functions.map(|(name, lines)| format!("fn {name} has {lines} lines; the most is {FUNCTION_LINES_MAX}"));
        complaint(file.into_iter().chain(functions))
    });
}

#[test]
fn metric_names_are_spelled_in_one_room() {
    check(&Source::production(), |source| {
        let elsewhere = !source.path.starts_with(METRICS_ROOM) && source.production_text().contains("\"hookward_");
        elsewhere.then(|| format!("spells a metric's name; that is {METRICS_ROOM}'s"))
    });
}

#[test]
fn what_deploy_watches_exists() {
    let telemetry = Source::production().into_iter().filter(|source| source.path.starts_with(METRICS_ROOM));
    let known = telemetry.flat_map(|source| metric_names(&source.text)).collect::<Vec<_>>();
    for path in files_under(&root().join("deploy")) {
        for name in metric_names(&fs::read_to_string(&path).unwrap()) {
            let family = ["_bucket", "_count", "_sum"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(&name);
            assert!(known.iter().any(|known| known == family), "{}: there is no metric {name}", path.display());
        }
    }
}

#[test]
fn every_dependency_says_why() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.contains("dependencies");
        } else if inside && line.contains('=') {
            let reason = line.rsplit_once('#').map(|(_, reason)| reason.trim());
            assert!(reason.is_some_and(|reason| reason.len() >= 4), "Cargo.toml: {line}");
        }
    }
}

#[test]
fn nothing_of_one_machine_and_nobody_is_named() {
    // The licence is the words of others, word for word.
    for path in files_under(&root()).into_iter().filter(|path| !path.ends_with("LICENSE")) {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let text = text.to_lowercase();
        for (first, second) in UNSAID {
            let word = format!("{first}{second}").to_lowercase();
            assert!(!text.contains(&word), "{}: {word}", path.display());
        }
    }
}

#[test]
fn presets_are_proven_as_they_say() {
    let proven =
        proven_by_vectors(files_under(&root().join("tests/vectors")).iter().map(|path| fs::read_to_string(path).unwrap()));
    for path in files_under(&root().join("src/provider/presets")) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let preset: toml::Table = toml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(missing_proof(&name, &preset, &proven), None, "{name}");
    }
}

/// The guard above, given catalogues that it must not let through.
#[test]
fn presets_that_are_not_proven_are_found() {
    let vector = |provider: &str, verdict: &str| format!("[[vector]]\nid = 'a'\nprovider = '{provider}'\nverdict = '{verdict}'");
    let proven = proven_by_vectors([vector("proven", "verified"), vector("refuted", "signature_mismatch")].into_iter());
    let sound = "docs = 'https://example.com'\nchecked = 2026-11-22\nevidence = 'vector'\nsources = ['a page']";
    let cases = [
        ("proven", sound.to_owned(), None),
        ("unproven", sound.replace("vector", "sdk"), None),
        ("unproven", sound.to_owned(), Some("says `vector`, and no vector of it is verified")),
        ("refuted", sound.to_owned(), Some("says `vector`, and no vector of it is verified")),
        ("prove", sound.to_owned(), Some("says `vector`, and no vector of it is verified")),
        ("proven", sound.replace("evidence = 'vector'", ""), Some("no evidence")),
        ("proven", sound.replace("vector", "hearsay"), Some("evidence of no known kind")),
        ("proven", sound.replace("vector", ""), Some("evidence of no known kind")),
        ("proven", sound.replace("evidence = 'vector'", "evidence = true"), Some("evidence of no known kind")),
        ("proven", sound.replace("docs = 'https://example.com'", ""), Some("no docs")),
        ("proven", sound.replace("https://example.com", ""), Some("no docs")),
        ("proven", sound.replace("checked = 2026-11-22", ""), Some("no day")),
        ("proven", sound.replace("2026-11-22", "'lately'"), Some("no day")),
        ("proven", sound.replace("sources = ['a page']", ""), Some("no sources")),
        ("proven", sound.replace("['a page']", "[]"), Some("no sources")),
        ("proven", sound.replace("['a page']", "['']"), Some("no sources")),
    ];
    for (name, preset, complaint) in cases {
        assert_eq!(missing_proof(name, &toml::from_str(&preset).unwrap(), &proven), complaint, "{name}: {preset}");
    }
}

/// The providers of which a vector is verified.
fn proven_by_vectors(files: impl Iterator<Item = String>) -> BTreeSet<String> {
    let vectors = files.flat_map(|file| {
        let file: toml::Table = toml::from_str(&file).unwrap();
        file.get("vector").and_then(toml::Value::as_array).cloned().unwrap_or_default()
    });
    let text = |vector: &toml::Value, key: &str| vector.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    let verified = vectors.filter(|vector| text(vector, "verdict").as_deref() == Some("verified"));
    verified.filter_map(|vector| text(&vector, "provider")).collect()
}

/// What a preset's word on its proof lacks.
fn missing_proof(name: &str, preset: &toml::Table, proven: &BTreeSet<String>) -> Option<&'static str> {
    let text = |key: &str| preset.get(key).and_then(toml::Value::as_str);
    let sources = preset.get("sources").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    match text("evidence") {
        _ if !text("docs").is_some_and(|url| url.starts_with("https://")) => Some("no docs"),
        _ if preset.get("checked").and_then(toml::Value::as_datetime).is_none() => Some("no day"),
        _ if sources.is_empty() || sources.iter().any(|source| source.as_str().is_none_or(str::is_empty)) => Some("no sources"),
        None if !preset.contains_key("evidence") => Some("no evidence"),
        Some("vector") if !proven.contains(name) => Some("says `vector`, and no vector of it is verified"),
        Some("vector" | "sdk" | "document" | "secondary") => None,
        _ => Some("evidence of no known kind"),
    }
}

// --- how the sources are read ------------------------------------------------------------------------------------------

/// One file of Rust.
struct Source {
    /// From the root, with forward slashes.
    path: String,
    text: String,
    /// The text without comments, contents of strings and, in production code, test modules.
    code: String,
}

impl Source {
    /// What is built into the product.
    fn production() -> Vec<Self> {
        let mut sources = Self::all();
        let tests = sources.iter().flat_map(Self::test_files).collect::<Vec<_>>();
        let is_test = |path: &str| tests.iter().any(|test| path == format!("{test}.rs") || path.starts_with(&format!("{test}/")));
        sources.retain(|source| source.path.starts_with("src/") && !is_test(&source.path));
        for source in &mut sources {
            let end = test_module(&source.code).unwrap_or(source.code.len());
            source.code.truncate(end);
        }
        sources
    }

    /// Every Rust file there is, but for this one, which spells what it bans.
    fn all() -> Vec<Self> {
        let folders = ["src", "tests", "benches"].map(|folder| files_under(&root().join(folder)));
        let paths = folders.into_iter().flatten().filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
        let sources = paths.map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let relative = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            Self { path: relative, code: without_comments_and_strings(&text), text }
        });
        sources.filter(|source| source.path != "tests/tidy.rs").collect()
    }

    /// The modules that this one has for tests only, as paths without an ending.
    fn test_files(&self) -> Vec<String> {
        let folder = match self.path.strip_suffix("/mod.rs").or_else(|| self.path.strip_suffix("/lib.rs")) {
            Some(folder) => folder,
            None => self.path.trim_end_matches(".rs"),
        };
        let declared = self.code.match_indices("#[cfg(test)]").filter_map(|(at, attribute)| {
            let rest = self.code[at + attribute.len()..].trim_start();
            let rest = rest.strip_prefix("pub(crate)").or_else(|| rest.strip_prefix("pub(super)")).unwrap_or(rest);
            let name = rest.trim_start().strip_prefix("mod ")?.split_once(';')?.0;
            (!name.contains(|byte: char| byte.is_whitespace() || byte == '{')).then(|| format!("{folder}/{name}"))
        });
        declared.collect()
    }

    /// The room a file of `src/` belongs to; the map and the entry point belong to none.
    fn room(&self) -> Option<&str> {
        Some(self.path.strip_prefix("src/")?.split_once('/')?.0)
    }

    /// The text as written, up to the test module.
    fn production_text(&self) -> &str {
        &self.text[..test_module(&self.text).unwrap_or(self.text.len())]
    }

    /// Every path that begins with a prefix, without it.
    fn paths(&self, prefix: &str) -> Vec<String> {
        let starts = self.code.match_indices(prefix).map(|(at, _)| at + prefix.len());
        let path = |at: usize| self.code[at..].split(|byte: char| !byte.is_alphanumeric() && !"_:".contains(byte)).next();
        starts.filter_map(path).map(|path| path.trim_end_matches(':').to_owned()).filter(|path| !path.is_empty()).collect()
    }

    /// Whether a word stands in the code, not merely as a part of another.
    fn has_word(&self, word: &str) -> bool {
        let joins = |byte: Option<char>| byte.is_some_and(|byte| byte.is_alphanumeric() || byte == '_');
        self.code.match_indices(word).any(|(at, _)| {
            let (before, after) = (self.code[..at].chars().next_back(), self.code[at + word.len()..].chars().next());
            let starts_inside = word.starts_with(char::is_alphanumeric) && joins(before);
            let ends_inside = word.ends_with(char::is_alphanumeric) && joins(after);
            !starts_inside && !ends_inside
        })
    }

    /// How many expressions make a struct of a name.
    fn literals(&self, name: &str) -> usize {
        let opening = format!("{name} {{");
        let others = ["struct", "impl", "for", "->", "enum", "mod", "let", "=>", "if", "|", "(", ","];
        let makes = |at: usize| {
            let path = |byte: char| byte.is_alphanumeric() || "_:".contains(byte);
            let before = self.code[..at].trim_end_matches(path).trim_end_matches('&').trim_end();
            let word = before.rsplit(|byte: char| byte.is_whitespace()).next().unwrap_or_default();
            // A pattern is followed by `=` or `=>`; what is left is an expression.
            let close = self.code[at..].find('}').map_or("", |end| self.code[at + end + 1..].trim_start());
            let pattern = close.starts_with('=') && !close.starts_with("==");
            !pattern && (!others.contains(&word) || ["=>", "(", ",", "|"].contains(&word))
        };
        let bounded = |at: usize| !self.code[..at].ends_with(|byte: char| byte.is_alphanumeric() || byte == '_');
        self.code.match_indices(&opening).filter(|(at, _)| bounded(*at) && makes(*at)).count()
    }

    /// Every function with the number of its lines.
    fn functions(&self) -> Vec<(String, usize)> {
        let starts = self.code.match_indices("fn ").map(|(at, _)| at);
        let bounded = starts.filter(|at| *at == 0 || self.code[..*at].ends_with(char::is_whitespace));
        bounded.filter_map(|at| self.function(at)).collect()
    }

    fn function(&self, at: usize) -> Option<(String, usize)> {
        let rest = &self.code[at..];
        let name = rest[3..].split(|byte: char| !byte.is_alphanumeric() && byte != '_').next()?.to_owned();
        let open = rest.find(['{', ';']).filter(|open| rest[*open..].starts_with('{'))?;
        let mut depth = 0_usize;
        for (offset, byte) in rest[open..].char_indices() {
            match byte {
                '{' => depth += 1,
                '}' if depth == 1 => return Some((name, rest[..open + offset].lines().count())),
                '}' => depth -= 1,
                _ => {}
            }
        }
        None
    }
}

/// Asks a question of every source and fails with all complaints at once.
#[track_caller]
fn check(sources: &[Source], question: impl Fn(&Source) -> Option<String>) {
    let told = sources.iter().filter_map(|source| Some(format!("{}: {}", source.path, question(source)?)));
    let told = told.collect::<Vec<_>>();
    assert!(told.is_empty(), "\n{}\n", told.join("\n"));
}

fn complaint(found: impl Iterator<Item = String>) -> Option<String> {
    let found = found.collect::<Vec<_>>();
    (!found.is_empty()).then(|| found.join("; "))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn floor(room: &str) -> usize {
    FLOORS.iter().position(|rooms| rooms.contains(&room)).unwrap_or(FLOORS.len())
}

fn head(path: &str) -> &str {
    path.split("::").next().unwrap_or_default()
}

/// Checked settings are what a component offers to everybody who configures it.
fn names_spec(path: &str) -> bool {
    path.split("::").any(|part| part == "spec")
}

/// Where the test module inside a file begins.
fn test_module(code: &str) -> Option<usize> {
    let starts = code.match_indices("#[cfg(test)]").map(|(at, _)| at);
    let module = |at: &usize| {
        let rest = code[*at..].trim_start_matches("#[cfg(test)]").trim_start();
        rest.starts_with("mod ") && rest.find(['{', ';']).is_some_and(|end| rest[end..].starts_with('{'))
    };
    starts.into_iter().find(module)
}

/// Every file under a folder, without what is built, fetched or hidden by version control.
fn files_under(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !["target", ".git", ".venv", ".hookward", "node_modules"].contains(&name.as_str()) {
            found.extend(files_under(&path));
        } else if path.is_file() && !["Cargo.lock", ".git"].contains(&name.as_str()) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Every `hookward_…` of a text.
fn metric_names(text: &str) -> Vec<String> {
    let starts = text.match_indices("hookward_").map(|(at, _)| at);
    let name = |at: usize| text[at..].split(|byte: char| !byte.is_ascii_lowercase() && byte != '_').next().unwrap_or_default();
    starts.map(|at| name(at).trim_end_matches('_').to_owned()).filter(|name| name != "hookward").collect()
}

/// Blanks comments and the contents of strings and characters; every line stays where it is.
fn without_comments_and_strings(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (length, kept) = token(rest, first, code.chars().next_back());
        if kept {
            code.push_str(&rest[..length]);
        } else {
            code.push_str(&"\n".repeat(rest[..length].matches('\n').count()));
        }
        rest = &rest[length..];
    }
    code
}

/// The length of what comes next, and whether it is code.
fn token(rest: &str, first: char, before: Option<char>) -> (usize, bool) {
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), false);
    }
    if rest.starts_with("/*") {
        return (rest.find("*/").map_or(rest.len(), |end| end + 2), false);
    }
    let joined = before.is_some_and(|byte| byte.is_alphanumeric() || byte == '_');
    let raw = rest.trim_start_matches('b');
    if first != '"' && !joined && rest.len() - raw.len() <= 1 && raw.starts_with('r') {
        let hashes = raw[1..].len() - raw[1..].trim_start_matches('#').len();
        if raw[1 + hashes..].starts_with('"') {
            let start = rest.len() - raw.len() + 2 + hashes;
            let end = format!("\"{}", "#".repeat(hashes));
            return (rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len()), false);
        }
    }
    match first {
        '"' => (quoted(rest, '"'), false),
        '\'' if rest[1..].starts_with('\\') || rest[1..].chars().nth(1) == Some('\'') => (quoted(rest, '\''), false),
        other => (other.len_utf8(), true),
    }
}

/// The length of a quoted text with its quotes.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.char_indices().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if byte == quote => return at + byte.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

#[test]
fn the_reader_reads() {
    let text = "fn a() { \"x // y\"; } // dbg!\nlet b = r#\"a\"b\"#; 'c'; '\\''; fn d<'e>() {}\n/* todo! */ \"\\\"\"; f()";
    let code = without_comments_and_strings(text);
    assert_eq!(code, "fn a() { ; } \nlet b = ; ; ; fn d<'e>() {}\n ; f()");
    let source = Source { path: "src/a/b.rs".into(), text: text.into(), code };
    assert_eq!(source.functions(), [("a".to_owned(), 1), ("d".to_owned(), 1)]);
    let code = "impl Verified { fn m() -> &Verified { a } fn n() -> Verified { let Verified { a } = x; Ok(Verified { a }) } } UnVerified { b }";
    let source = Source { path: "src/a/b.rs".into(), text: String::new(), code: code.into() };
    assert_eq!(source.literals("Verified"), 1);
    assert!(source.has_word("Ok") && !source.has_word("erified"));
    assert_eq!(test_module("a\n#[cfg(test)]\nmod tests;\n#[cfg(test)]\nmod tests { }"), Some(26));
}
