//! What cannot be an upstream is refused when it is built.

use std::path::PathBuf;

use http::HeaderName;

use super::{http, scheme, target};
use crate::domain::secret::SecretBytes;
use crate::gate::forward::error::ForwardBuildError;
use crate::gate::forward::spec::{TargetSpec, UpstreamAddress, UpstreamTlsSpec};
use crate::gate::forward::upstream::Upstream;

fn fault(spec: &TargetSpec, headers: &[(&'static str, &[u8])]) -> ForwardBuildError {
    let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), SecretBytes::new(value.to_vec()))).collect();
    Upstream::build(spec, &scheme(), headers).err().unwrap()
}

fn tls(host: &str, tls: UpstreamTlsSpec) -> TargetSpec {
    target(UpstreamAddress::Https { host: host.into(), port: 443, tls })
}

#[test]
fn targets_and_headers_are_checked() {
    let authority = TargetSpec { authority: "a\nb".into(), ..target(http(1)) };
    assert!(matches!(fault(&authority, &[]), ForwardBuildError::Authority));
    for path in ["", "no-slash", "/a b", &format!("/{}", "a".repeat(9000))] {
        let spec = TargetSpec { path_and_query: path.into(), ..target(http(1)) };
        assert!(matches!(fault(&spec, &[]), ForwardBuildError::Path { .. }), "{path}");
    }
    for name in ["host", "content-length", "connection", "hookward-event", "x-forwarded-for", "proxy-authorization"] {
        let reserved = fault(&target(http(1)), &[(name, b"x")]);
        assert!(matches!(reserved, ForwardBuildError::HeaderReserved { .. }), "{name}");
    }
    let value = fault(&target(http(1)), &[("authorization", b"hunter2\n")]);
    assert!(matches!(value, ForwardBuildError::HeaderValue { .. }));
    assert!(!format!("{value} {value:?}").contains("hunter2"));
}

#[test]
fn certificates_are_checked() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| -> PathBuf {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let own = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["b.example".to_owned()]).unwrap();
    let ca = file("ca.pem", &own.cert.pem());
    let trusting = || UpstreamTlsSpec { ca: Some(ca.clone()), client: None };

    assert!(matches!(fault(&tls("a b", trusting()), &[]), ForwardBuildError::ServerName { .. }));
    let missing = UpstreamTlsSpec { ca: Some(directory.path().join("missing.pem")), client: None };
    assert!(matches!(fault(&tls("a.example", missing), &[]), ForwardBuildError::Pem { .. }));
    let empty = UpstreamTlsSpec { ca: Some(file("empty.pem", "")), client: None };
    assert!(matches!(fault(&tls("a.example", empty), &[]), ForwardBuildError::NoCertificate { .. }));
    let key_of_another = Some((ca.clone(), file("key.pem", &other.signing_key.serialize_pem())));
    let mismatched = UpstreamTlsSpec { client: key_of_another, ..trusting() };
    assert!(matches!(fault(&tls("a.example", mismatched), &[]), ForwardBuildError::Tls(_)));
    assert!(Upstream::build(&tls("[::1]", trusting()), &scheme(), Vec::new()).is_ok());
}
