//! What files cannot show in `tests/configs`: generated configurations and the rendering of faults.

use std::path::Path;
use std::sync::Arc;

use super::generate::{RunOptions, init_config, run_config};
use super::*;
use crate::gate::forward::spec::UpstreamAddress;
use crate::listen::spec::{CertificateSpec, EntrySpec};
use crate::provider::Catalogue;
use crate::secrets::spec::SecretSource;

fn read(text: &str) -> Plan {
    parse("generated.toml", text, Path::new("/base")).unwrap_or_else(|faults| panic!("{text}\n{}", render_faults(&faults)))
}

#[test]
fn one_line_stands_for_a_whole_configuration() {
    // Whatever a path holds, it comes back as it was.
    let certificate = CertificateSpec { cert: "/tmp/a \"b\"\\\n\u{1}.crt".into(), key: "key.pem".into() };
    let sources = [SecretSource::Environment("STRIPE_SECRET".to_owned()), SecretSource::File("/run/it's \"quoted\"".into())];
    for secret in &sources {
        let text = run_config(&RunOptions {
            provider: "stripe",
            secret,
            key_id: None,
            options: &std::collections::BTreeMap::new(),
            public_url: None,
            upstream: "http://127.0.0.1:3000/hook",
            bind: "127.0.0.1:0",
            path: "/",
            certificate: &certificate,
            state_dir: Path::new("/tmp/state"),
        });
        let plan = read(&text);
        let EntrySpec::Tls(tls) = &plan.listeners[0].entry else { panic!("no TLS") };
        assert_eq!(
            (&tls.certificates[0].cert, tls.certificates[0].key.as_path()),
            (&certificate.cert, Path::new("/base/key.pem"))
        );
        let integration = &plan.integrations[0];
        assert_eq!((integration.name.as_str(), integration.path.as_str()), ("stripe", "/"));
        assert_eq!(&integration.secrets[0].source, secret);
        assert_eq!(integration.target.address, UpstreamAddress::Http { host: "127.0.0.1".to_owned(), port: 3000 });
    }
}

#[test]
fn what_init_writes_can_be_read() {
    let all = Catalogue::builtin().iter().map(Arc::clone).collect::<Vec<_>>();
    let twice = all.iter().chain(&all).map(Arc::clone).collect::<Vec<_>>();
    assert_eq!(read(&init_config(&twice)).integrations.len(), all.len());
    assert_eq!(read(&init_config(&[])).integrations[0].scheme.name.as_str(), "standard-webhooks");
}

#[test]
fn faults_are_rendered_one_a_line() {
    let faults = parse("f.toml", "a = 1\n[log]\nlevel = 1\n", Path::new("")).unwrap_err();
    let text = render_faults(&faults);
    assert_eq!(text.lines().count(), faults.len() + 1);
    assert!(text.contains("f.toml:3:9: log.level: must be a string, not integer\n"), "{text}");
    assert!(text.ends_with("4 faults in the configuration\n"), "{text}");
    assert!(render_faults(&faults[..1]).ends_with("1 fault in the configuration\n"));
}

#[test]
fn the_lints_have_distinct_names() {
    let mut names = LINTS.to_vec();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), LINTS.len());
}
