//! What the upstream sees and what the sender gets back: the provider's own, ours, and nothing that could be taken for ours.

use crate::support::client::request;
use crate::support::config::{Config, Integration};
use crate::support::gateway::Gateway;
use crate::support::provider::Provider;
use crate::support::upstream::{Reply, Upstream};

const PROVIDER: Provider = Provider::StandardWebhooks;

fn one(upstream: &Upstream) -> Gateway {
    Gateway::start(Config::of(Integration::new(PROVIDER, &upstream.url())))
}

#[test]
fn ours_are_set_once() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()));
    for (index, provider) in Provider::ALL.into_iter().enumerate() {
        gateway.deliver(&provider.delivery());
        let request = upstream.wait_for(index + 1).pop().unwrap();
        let single = |name: &str| {
            let values = request.all(name);
            assert_eq!(values.len(), 1, "{provider:?} {name}: {values:?}");
            values[0].to_owned()
        };
        assert_eq!(single("Hookward-Integration"), provider.name());
        assert_eq!(single("Hookward-Provider"), provider.name());
        assert_eq!(single("Hookward-Secret-Id"), "current");
        assert_eq!(single("Hookward-Request-Id").len(), 26);
        assert!(single("Hookward-Idempotency-Key").len() >= 32);
        let verified_at = single("Hookward-Verified-At");
        assert!(verified_at.starts_with("20") && verified_at.ends_with('Z'), "{verified_at}");
        assert_eq!(single("Hookward-Event"), provider.event().0);
        assert_eq!(single("X-Forwarded-For"), "127.0.0.1");
        assert_eq!(single("X-Forwarded-Proto"), "https");
        assert_eq!(single("X-Forwarded-Host"), "localhost");
        assert_eq!(single("Host"), format!("127.0.0.1:{}", upstream.port()));
        assert_eq!(request.version, "HTTP/1.1");
        let unsigned = request.all("Hookward-Unsigned");
        match provider {
            Provider::Github | Provider::Shopify => assert_eq!(unsigned, ["event, delivery-id"]),
            _ => assert!(unsigned.is_empty(), "{provider:?} {unsigned:?}"),
        }
    }
    let ledger = gateway.finish();
    let ids = ledger.requests().iter().map(|record| record.text("request_id").to_owned()).collect::<Vec<_>>();
    let seen =
        upstream.received().iter().map(|request| request.header("hookward-request-id").unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(ids, seen, "the upstream and the log speak of the same request");
}

#[test]
fn forged_ones_are_dropped() {
    // H1-20.
    let upstream = Upstream::start();
    let gateway = one(&upstream);
    let delivery = PROVIDER
        .delivery()
        .and("Hookward-Integration", "forged")
        .and("hookward-integration", "forged")
        .and("HOOKWARD-VERIFIED-AT", "forged")
        .and("Hookward-Anything", "forged")
        .and("hookward_integration", "forged")
        .and("X_Forwarded_For", "forged")
        .and("webhook_id", "forged")
        .and("X-Forwarded-For", "203.0.113.1")
        .and("X-Forwarded-Proto", "forged")
        .and("X-Forwarded-Host", "forged");
    assert_eq!(gateway.deliver(&delivery).status, 200);
    let request = upstream.received().pop().unwrap();
    assert!(request.headers.iter().all(|(name, value)| value != "forged" && !name.contains('_')), "{request:?}");
    assert_eq!(request.all("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(request.all("hookward-integration"), [PROVIDER.name()]);
    gateway.finish();
}

#[test]
fn hop_by_hop_headers_end_here() {
    // H1-21.
    let upstream = Upstream::start();
    let gateway = one(&upstream);
    let delivery = PROVIDER
        .delivery()
        .and("Connection", "keep-alive, X-Nominated")
        .and("X-Nominated", "1")
        .and("Keep-Alive", "timeout=5")
        .and("Proxy-Authorization", "Basic x")
        .and("Proxy-Connection", "keep-alive")
        .and("TE", "trailers")
        .and("Trailer", "X-Late")
        .and("X-Kept", "1")
        .and("Accept", "*/*");
    assert_eq!(gateway.deliver(&delivery).status, 200);
    let request = upstream.received().pop().unwrap();
    for gone in
        ["keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "x-nominated", "transfer-encoding", "upgrade"]
    {
        assert_eq!(request.header(gone), None, "{gone}");
    }
    assert!(!request.all("connection").iter().any(|value| value.contains("nominated")));
    assert_eq!((request.header("x-kept"), request.header("accept")), (Some("1"), Some("*/*")));
    assert_eq!(request.all("content-length"), [delivery.body.len().to_string()]);
    gateway.finish();
}

#[test]
fn connection_cannot_take_away_what_matters() {
    // H1-19: the class of bug that several proxies had.
    let upstream = Upstream::start();
    let gateway = one(&upstream);
    let nominated = "keep-alive, host, content-length, content-type, webhook-id, webhook-timestamp, webhook-signature, \
                     hookward-integration, hookward-verified-at, hookward-idempotency-key, hookward-secret-id, \
                     x-forwarded-for, x-forwarded-proto";
    let delivery = PROVIDER.delivery().and("Connection", nominated);
    assert_eq!(gateway.deliver(&delivery).status, 200);
    let request = upstream.received().pop().unwrap();
    for name in nominated.split(", ").skip(1) {
        assert_eq!(request.all(name.trim()).len(), 1, "{name}");
    }
    assert_eq!(request.body, delivery.body);
    gateway.finish();
}

#[test]
fn names_of_sibling_schemes_are_not_forwarded() {
    // SIG-09: a receiver could read an id nobody verified.
    let upstream = Upstream::start();
    let gateway = one(&upstream);
    let delivery = PROVIDER.delivery().and("svix-id", "msg_other").and("svix-timestamp", "1").and("svix-signature", "v1,x");
    assert_eq!(gateway.deliver(&delivery).status, 200);
    let request = upstream.received().pop().unwrap();
    for name in ["svix-id", "svix-timestamp", "svix-signature"] {
        assert_eq!(request.header(name), None, "{name}");
    }
    gateway.finish();
}

#[test]
fn the_query_is_dropped_unless_it_is_wanted() {
    let upstream = Upstream::start();
    let with_query = Integration::new(PROVIDER, &format!("{}?fixed=1", upstream.url())).named("with").line("query = \"forward\"");
    let gateway = Gateway::start(Config::of(Integration::new(PROVIDER, &upstream.url())).integration(with_query));
    assert_eq!(gateway.deliver_to("/hooks/standard-webhooks?admin=1&x=%2e", &PROVIDER.delivery()).status, 200);
    assert_eq!(gateway.deliver_to("/hooks/with?shop=a%20b", &PROVIDER.delivery()).status, 200);
    let targets = upstream.received().iter().map(|request| request.target.clone()).collect::<Vec<_>>();
    assert_eq!(targets, ["/sink", "/sink?fixed=1&shop=a%20b"]);
    let ledger = gateway.finish();
    assert!(ledger.requests().iter().all(|record| !record.text("path").contains('?')));
}

#[test]
fn ups_08_the_answer_passes_without_what_belongs_to_the_hop() {
    // UPS-08.
    let upstream = Upstream::start();
    let gateway = one(&upstream);
    let headers = "Server: secret-server/1.0\r\nHookward-Replay: true\r\nhookward-forged: 1\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\
                   Keep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nX-Kept: a\r\nX-Kept: b\r\nContent-Type: text/x-special\r\n\
                   Set-Cookie: a=b\r\n";
    upstream.next(Reply::Answer(201, headers, b"made".to_vec()));
    let answer = gateway.deliver(&PROVIDER.delivery());
    assert_eq!((answer.status, answer.text().as_str()), (201, "made"));
    for gone in ["hookward-replay", "hookward-forged", "x-hop", "keep-alive", "proxy-authenticate"] {
        assert_eq!(answer.header(gone), None, "{gone}");
    }
    assert_ne!(answer.header("server"), Some("secret-server/1.0"));
    let kept = answer.headers.iter().filter(|(name, _)| name == "x-kept").map(|(_, value)| value.as_str()).collect::<Vec<_>>();
    assert_eq!(kept, ["a", "b"]);
    assert_eq!((answer.header("content-type"), answer.header("set-cookie")), (Some("text/x-special"), Some("a=b")));
    gateway.finish();
}

#[test]
fn an_answer_without_a_body_stays_one() {
    let upstream = Upstream::start();
    let gateway = one(&upstream);
    upstream.next(Reply::status(204));
    let mut connection = gateway.connect();
    for expected in [204, 200] {
        let delivery = PROVIDER.delivery();
        connection.send(&request(&PROVIDER.path(), &delivery.headers, &delivery.body));
        let answer = connection.answer();
        assert_eq!(answer.status, expected);
        if expected == 204 {
            assert_eq!((answer.body.len(), answer.header("transfer-encoding")), (0, None));
        }
    }
    gateway.finish();
}

#[test]
fn upstream_headers_are_added_and_cannot_be_forged() {
    let upstream = Upstream::start();
    let integration =
        Integration::new(PROVIDER, &upstream.url()).line("upstream_headers = { Authorization = { env = \"HW_APP_TOKEN\" } }");
    let gateway = Gateway::start(Config::of(integration).environment("HW_APP_TOKEN", "Bearer of-our-own"));
    assert_eq!(gateway.deliver(&PROVIDER.delivery().and("Authorization", "Bearer forged")).status, 200);
    assert_eq!(upstream.received()[0].all("authorization"), ["Bearer of-our-own"]);
    gateway.finish();
}

#[test]
fn hosts_choose_between_integrations() {
    let upstream = Upstream::start();
    let hosted = Integration::new(PROVIDER, &upstream.url()).named("hosted").path("/shared").line("host = \"hooks.example.com\"");
    let any = Integration::new(PROVIDER, &upstream.url()).named("any").path("/shared");
    let gateway = Gateway::start(Config::of(hosted).integration(any));
    for (host, integration) in [("hooks.example.com", "hosted"), ("HOOKS.example.com:8443", "hosted"), ("other.example", "any")] {
        let delivery = PROVIDER.delivery();
        let text = String::from_utf8(request("/shared", &delivery.headers, &delivery.body)).unwrap();
        let mut connection = gateway.connect();
        connection.send(text.replacen("Host: localhost", &format!("Host: {host}"), 1).as_bytes());
        assert_eq!(connection.answer().status, 200, "{host}");
        assert_eq!(upstream.received().last().unwrap().header("hookward-integration"), Some(integration), "{host}");
    }
    gateway.finish();
}
