//! What is in scope.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Uri};

use super::*;
use crate::domain::body::RawBody;
use crate::domain::head::{Head, Received};
use crate::domain::pattern::Pattern;
use crate::domain::reason::Reason;
use crate::domain::secret::SecretBytes;
use crate::domain::time::UnixTime;
use crate::gate::verify::gate::{Judging, verify};
use crate::gate::verify::keys::{KeyMaterial, KeyRing};
use crate::gate::verify::presented::present;
use crate::gate::verify::sign::{Request, SigningKey, sign};
use crate::provider::Catalogue;

/// A GitHub delivery whose event header stands as given.
fn delivery(events: &[&str]) -> Verified {
    let scheme = Catalogue::builtin().get("github").unwrap();
    let secret = || SecretBytes::new(b"secret".to_vec());
    let now = UnixTime::from_seconds(1_750_000_000);
    let none = HeaderMap::new();
    let key = SigningKey::parse(&scheme, None, secret()).unwrap();
    let request = Request { id: None, timestamp: now, headers: &none, body: b"{}" };
    let mut headers: HeaderMap = sign(&scheme, &key, &request).into_iter().collect();
    for event in events {
        headers.append("x-github-event", HeaderValue::from_str(event).unwrap());
    }
    let material =
        KeyMaterial { id: "k".parse().unwrap(), key_id: None, encoding: None, text: secret(), not_before: None, not_after: None };
    let keys = KeyRing::build(&scheme, vec![material]).unwrap();
    let head = Head { method: Method::POST, target: Uri::from_static("/"), headers };
    let received = Received { head, body: RawBody::from(Bytes::from_static(b"{}")) };
    let presented = present(&scheme, &received.head).unwrap();
    let integration = "payments".parse().unwrap();
    let judging = Judging { integration: &integration, scheme: &scheme, keys: &keys, tolerance: Duration::from_secs(300) };
    verify(&judging, presented, received, now).unwrap()
}

#[test]
fn an_allow_list_narrows_and_its_absence_does_not() {
    let rules = |patterns: &[&str]| EventRules { allow: Some(patterns.iter().map(|text| Pattern::new(text)).collect()) };
    let cases: [(EventRules, &[&str], Option<ScopeError>); 7] = [
        (EventRules::default(), &["push"], None),
        (EventRules::default(), &[], None),
        (rules(&["push"]), &["push"], None),
        (rules(&["ping", "pu*"]), &["push"], None),
        (rules(&["ping"]), &["push"], Some(ScopeError::NotAllowed)),
        (rules(&[]), &["push"], Some(ScopeError::NotAllowed)),
        (rules(&["*"]), &[], Some(ScopeError::NoEvent)),
    ];
    for (rules, events, expected) in cases {
        let result = scope(&rules, delivery(events));
        assert_eq!(result.as_ref().err().copied(), expected, "{rules:?} {events:?}");
        match result {
            Ok(scoped) => {
                assert_eq!(scoped.verified().secret_id().as_str(), "k");
                assert!(scoped.into_verified().unsigned_identity().is_none());
            }
            Err(error) => assert_eq!(error.reason(), Reason::EventNotAllowed),
        }
    }
}
