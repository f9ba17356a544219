//! `docs/sdk.md`: the rows and the locked versions, as a page.

use std::fmt::Write as _;
use std::path::Path;

use super::rows::{ROWS, Row, Sends, Signer, Stale};

const INTRODUCTION: &str = "\
# Against the providers' own SDKs

<!-- Written from tests/it/sdk/rows.rs. HOOKWARD_BLESS=1 cargo test --test it -- sdk::the_page writes it anew. -->

Each line is an SDK that a provider publishes, compared with the preset in four ways, over bodies that two readers could
read differently (Unicode, escapes, CRLF, white space, numbers, 96 KiB):

1. what the SDK signs, hookward accepts; where an SDK only verifies, `hookward sign` signs;
2. what hookward forwards, the SDK accepts, run as the receiver on the headers and bytes that the upstream got;
3. with one bit of the body (of the query, where only that is signed), one digit of the signature or one digit of the time
   changed, both refuse;
4. a delivery signed a day ago, hookward refuses wherever a time is signed. *Only hookward* says that the SDK takes it.

`make test` runs the light set, `make sdk-full` all of them. The versions are those of the lock files under `tests/sdk`; a
package that is missing fails the test. A line stands here only while every one of its cases agrees.

| preset | SDK | set | signed by | cases | refuses a day old |
| --- | --- | --- | --- | --- | --- |
";

const REWRITTEN: &str = "
\\* This SDK parses the body and looks at what it writes anew, so that it refuses honest deliveries whose JSON is spaced or escaped
in another way; only bodies that stay the same are compared. hookward judges the bytes.

Plaid's own SDK verifies nothing: its line is what Plaid's page says to do with the library that it names. Atlassian's and
Vonage's libraries verify a token: what their pages say to compare with the request is compared beside it. The public keys that
Amazon's, eBay's and Google's SDKs, and Plaid's page, fetch are given by the test. Google's token covers nothing of the request,
Atlassian's its method, path and query only, and Mailgun's signature a time and a token in the body.
";

/// The whole page.
pub(super) fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut cases = 0;
    for row in &ROWS {
        let registry = if row.from.is_node() { "npm" } else { "PyPI" };
        let signer = match row.signer {
            Signer::Sdk(_) => "the SDK",
            Signer::Library(_) => "a library of the SDK's",
            Signer::Hookward => "hookward",
        };
        let stale = match row.stale {
            Stale::BothRefuse => "both",
            Stale::OnlyHookward => "only hookward",
            Stale::Untimed => "no time is signed",
        };
        let (count, set) = (count(row), row.from.set());
        cases += count;
        let Row { provider, package, .. } = row;
        let version = version(row);
        let mark = if row.reads_bytes { "" } else { " \\*" };
        let what = match (row.sends, *provider) {
            (_, "plaid") => " (as Plaid's page says)",
            (_, "atlassian-connect") => " (as Atlassian's page says)",
            (_, "vonage") => " (as Vonage's page says)",
            (Sends::Forms(_), _) => " (forms)",
            (Sends::Queries(_), _) => " (GET)",
            (Sends::Json | Sends::JsonOf(_) | Sends::Signed { .. }, _) => "",
        };
        writeln!(page, "| `{provider}` | {registry} {package}{what} {version}{mark} | {set} | {signer} | {count} | {stale} |")
            .unwrap();
    }
    page.push_str(REWRITTEN);
    writeln!(page, "\n{} SDKs and presets, {cases} cases, no disagreement.", ROWS.len()).unwrap();
    page
}

/// An accepted delivery and its changes for each body, and the old one.
fn count(row: &Row) -> usize {
    let changes = 1 + usize::from(row.headers().1.is_some()) + usize::from(row.signs_more_than_a_token());
    row.bodies().count() * (1 + changes) + 1
}

/// The version in the lock file.
fn version(row: &Row) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk").join(row.from.set());
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    if row.from.is_node() {
        let lock: serde_json::Value = serde_json::from_str(&read("package-lock.json")).unwrap();
        return lock["packages"][format!("node_modules/{}", row.package)]["version"].as_str().unwrap().to_owned();
    }
    let lines = read("requirements.txt");
    let pinned = lines.lines().find_map(|line| line.strip_prefix(row.package)?.strip_prefix("=="));
    pinned.unwrap().trim_end_matches([' ', '\\']).to_owned()
}
