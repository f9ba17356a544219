//! What is shipped to run it: every configuration under `deploy/` is sound, and a manifest carries the file that was checked.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::certificate::Certificate;
use crate::support::gateway::hookward_output;

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

fn configurations() -> Vec<PathBuf> {
    let folders = fs::read_dir(deploy()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let files = folders.flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    files.filter(|path| path.extension().is_some_and(|extension| extension == "toml")).collect()
}

/// Puts a stand-in where the configuration expects a file; the paths of the machine become paths of the test.
fn stand_in(directory: &Path, text: &str) -> String {
    let mut text = text.to_owned();
    for folder in ["/etc/hookward", "/run/credentials/hookward.service", "/var/log/hookward", "/var/lib/hookward"] {
        text = text.replace(folder, &folder[1..].replace('/', "-"));
    }
    let certificate = Certificate::shared();
    for (key, content) in [
        ("cert", certificate.cert_pem.as_str()),
        ("ca", &certificate.cert_pem),
        ("key", &certificate.key_pem),
        ("file", "a-secret-of-some-length"),
    ] {
        for value in text.split(&format!("{key} = \"")).skip(1) {
            let path = directory.join(value.split('"').next().unwrap());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }
    text
}

#[test]
fn every_configuration_is_sound() {
    let configurations = configurations();
    assert!(configurations.len() >= 3, "{configurations:?}");
    for path in configurations {
        let directory = tempfile::tempdir().unwrap();
        let text = stand_in(directory.path(), &fs::read_to_string(&path).unwrap());
        fs::create_dir_all(directory.path().join("var-log-hookward")).unwrap();
        fs::write(directory.path().join("hookward.toml"), text).unwrap();
        let output = hookward_output(directory.path(), &["check"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{}: {told}", path.display());
    }
}

#[test]
fn manifests_carry_the_files_that_were_checked() {
    for name in ["sidecar", "gateway"] {
        let file = fs::read_to_string(deploy().join(format!("kubernetes/{name}.toml"))).unwrap();
        let manifest = fs::read_to_string(deploy().join(format!("kubernetes/{name}.yaml"))).unwrap();
        let (_, block) = manifest.split_once("  hookward.toml: |\n").expect("a ConfigMap");
        let carried = block.lines().take_while(|line| line.is_empty() || line.starts_with("    "));
        let carried = carried.map(|line| line.strip_prefix("    ").unwrap_or_default().to_owned() + "\n").collect::<String>();
        assert_eq!(carried, file, "{name}.yaml");
    }
}

#[test]
fn the_image_has_neither_root_nor_shell() {
    let dockerfile = fs::read_to_string(deploy().join("Dockerfile")).unwrap();
    let last_stage = dockerfile.rsplit_once("\nFROM ").expect("stages").1;
    assert!(last_stage.starts_with("scratch\n"), "{last_stage}");
    assert!(last_stage.contains("USER 65532:65532"));
    assert!(last_stage.contains("HEALTHCHECK") && last_stage.contains("\"/usr/bin/hookward\", \"health\""));
    assert!(!last_stage.contains("RUN "));
}
