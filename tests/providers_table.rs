//! docs/providers.md is what the presets say. `HOOKWARD_BLESS=1` writes it anew.

use std::path::Path;

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may be told by its environment to write")]
fn the_table_is_current() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/providers.md");
    let now = hookward::provider::table::page(hookward::provider::Catalogue::builtin());
    if std::env::var_os("HOOKWARD_BLESS").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(page.parent().unwrap()).unwrap();
        std::fs::write(&page, &now).unwrap();
    }
    let written = std::fs::read_to_string(&page).unwrap_or_default();
    assert_eq!(written, now, "docs/providers.md is not current: run HOOKWARD_BLESS=1 cargo test --test providers_table");
}
