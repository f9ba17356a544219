//! The processes that run the SDKs: started once, asked line by line.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::{Deserialize, Serialize};

/// Which installation, and which language of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum From {
    LightNode,
    LightPython,
    FullNode,
    FullPython,
}

/// One line in.
#[derive(Serialize)]
pub(super) struct Question<'q> {
    pub(super) adapter: &'q str,
    pub(super) op: &'q str,
    pub(super) secret: &'q str,
    pub(super) at: i64,
    pub(super) id: String,
    pub(super) url: String,
    pub(super) body: &'q str,
    pub(super) headers: &'q BTreeMap<String, String>,
}

/// One line out.
#[derive(Deserialize)]
pub(super) struct Reply {
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// What the SDK puts into the URL.
    pub(super) query: Option<String>,
    /// The body that carries the signature, where no header does.
    pub(super) body: Option<String>,
    pub(super) verified: Option<bool>,
    public: Option<String>,
    error: Option<String>,
}

/// All running peers; they end with the test.
#[derive(Default)]
pub(super) struct Peers(RefCell<BTreeMap<From, Peer>>);

struct Peer {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl From {
    pub(super) const fn is_light(self) -> bool {
        matches!(self, Self::LightNode | Self::LightPython)
    }

    pub(super) const fn is_node(self) -> bool {
        matches!(self, Self::LightNode | Self::FullNode)
    }

    pub(super) const fn set(self) -> &'static str {
        if self.is_light() { "light" } else { "full" }
    }

    fn installation(self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("target/sdk").join(self.set())
    }

    fn command(self) -> Command {
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk");
        if self.is_node() {
            // Read from the command line, modules are looked for where it runs.
            let code = fs::read_to_string(peers.join("peer.mjs")).expect("the peer");
            let mut command = Command::new("node");
            command.current_dir(self.installation()).args(["--input-type=module", "--eval", &code]);
            return command;
        }
        let mut command = Command::new(self.installation().join("venv/bin/python"));
        command.arg(peers.join("peer.py"));
        command
    }
}

impl Peers {
    #[track_caller]
    pub(super) fn ask(&self, from: From, question: &Question<'_>) -> Reply {
        let mut peers = self.0.borrow_mut();
        let reply = peers.entry(from).or_insert_with(|| Peer::start(from)).ask(question);
        assert!(reply.error.is_none(), "{} {} of {from:?}: {:?}", question.op, question.adapter, reply.error);
        reply
    }

    /// The pair of a peer that signs by itself: its public half.
    #[track_caller]
    pub(super) fn key(&self, from: From, adapter: &str) -> String {
        let headers = BTreeMap::new();
        let question = Question {
            adapter,
            op: "key",
            secret: "",
            at: 0,
            id: String::new(),
            url: String::new(),
            body: "",
            headers: &headers,
        };
        self.ask(from, &question).public.expect("a key")
    }
}

impl Peer {
    fn start(from: From) -> Self {
        let installed = from.installation().join("installed");
        let set = from.set();
        assert!(installed.exists(), "the {set} set of SDKs is not installed: `.ci/sdks {set}`, as `make test` does");
        let mut child =
            from.command().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the peer starts");
        let (to, from) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        Self { child, to, from: BufReader::new(from) }
    }

    fn ask(&mut self, question: &Question<'_>) -> Reply {
        let mut line = serde_json::to_string(question).expect("JSON");
        line.push('\n');
        self.to.write_all(line.as_bytes()).expect("the peer listens");
        let mut reply = String::new();
        self.from.read_line(&mut reply).expect("the peer answers");
        serde_json::from_str(&reply).unwrap_or_else(|error| panic!("{} of {}: {error}: {reply}", question.op, question.adapter))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
