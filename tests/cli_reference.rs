//! docs/cli.md is what the program itself says. `HOOKWARD_BLESS=1` writes it anew.

use std::path::Path;

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may be told by its environment to write")]
fn the_reference_is_current() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
    let now = hookward::cli::reference::markdown();
    if std::env::var_os("HOOKWARD_BLESS").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(page.parent().unwrap()).unwrap();
        std::fs::write(&page, &now).unwrap();
    }
    let written = std::fs::read_to_string(&page).unwrap_or_default();
    assert_eq!(written, now, "docs/cli.md is not current: run HOOKWARD_BLESS=1 cargo test --test cli_reference");
}
