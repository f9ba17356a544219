//! docs/providers.md is what the presets say, and the known answers of which a provider's own code says something else.
//! `HOOKWARD_BLESS=1` writes it anew.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;

/// The known answers of `tests/vectors` that we judge otherwise than the provider's own code; nothing where there is none.
fn disagreements() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
    let mut rows: Vec<String> = Vec::new();
    for file in files {
        let file: toml::Table = file.parse().unwrap();
        for vector in file.get("vector").and_then(toml::Value::as_array).unwrap() {
            let text = |key: &str| vector.get(key).and_then(toml::Value::as_str);
            if let (Some(theirs), Some(because)) = (text("theirs"), text("because")) {
                let [id, provider, ours] = ["id", "provider", "verdict"].map(|key| text(key).unwrap());
                rows.push(format!("| `{provider}` | `{id}` | {theirs} | `{ours}` | {because} |\n"));
            }
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    rows.sort();
    format!(
        "\n## Where hookward is stricter than a provider's own code\n\n\
         Known answers, with their ids in `tests/vectors`, that the provider's own code takes and hookward does not: the window has\n\
         two sides here, whatever the provider looks at.\n\n\
         | preset | known answer | theirs | hookward | why |\n| --- | --- | --- | --- | --- |\n{}",
        rows.concat()
    )
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may be told by its environment to write")]
fn the_table_is_current() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/providers.md");
    let now = hookward::provider::table::page(hookward::provider::Catalogue::builtin()) + &disagreements();
    if std::env::var_os("HOOKWARD_BLESS").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(page.parent().unwrap()).unwrap();
        std::fs::write(&page, &now).unwrap();
    }
    let written = std::fs::read_to_string(&page).unwrap_or_default();
    assert_eq!(written, now, "docs/providers.md is not current: run HOOKWARD_BLESS=1 cargo test --test providers_table");
}
