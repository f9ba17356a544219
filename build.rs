//! Lists the presets, so that adding a provider is adding its file. Knows their names only; what stands in them is read by
//! `src/provider`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

const PRESETS: &str = "src/provider/presets";

/// Writes `presets.rs`: an array of names and texts in the order of the names.
fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={PRESETS}");
    let mut list = String::from("[\n");
    for path in files(Path::new(PRESETS))? {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        // Writing to a string cannot fail.
        let _ = writeln!(list, r#"    ("{name}", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/{PRESETS}/{name}.toml"))),"#);
    }
    list.push_str("]\n");
    fs::write(out_dir().join("presets.rs"), list)
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort_by(|left, right| left.file_stem().cmp(&right.file_stem()));
    Ok(files)
}

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script by its environment where to write")]
fn out_dir() -> PathBuf {
    std::env::var_os("OUT_DIR").unwrap_or_default().into()
}
