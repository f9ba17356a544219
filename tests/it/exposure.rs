//! Our own secrets in deliveries: the delivery passes, and the operator is told which secret to rotate.

use data_encoding::{BASE64, HEXLOWER};

use crate::support::audit::{Record, parse};
use crate::support::client::PATIENCE;
use crate::support::config::{Config, Integration};
use crate::support::gateway::Gateway;
use crate::support::poll;
use crate::support::provider::Provider;
use crate::support::upstream::Upstream;

fn gateway(upstream: &Upstream) -> Gateway {
    let github = Integration::new(Provider::Github, &upstream.url());
    Gateway::start(Config::of(github).integration(Integration::new(Provider::Stripe, &upstream.url())))
}

fn secret(provider: Provider) -> String {
    provider.secret("current").configured
}

#[track_caller]
fn exposure(gateway: &Gateway) -> Record {
    let find = || parse(&gateway.audit_text()).into_iter().find(|record| record.kind() == "exposure");
    poll(PATIENCE, find).unwrap_or_else(|| panic!("no exposure in\n{}", gateway.audit_text()))
}

#[test]
fn what_github_sent_in_2025_is_forwarded_and_told() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream);
    let leaked = secret(Provider::Github);
    let delivery = Provider::Github.delivery().with("X-Github-Encoded-Secret", &BASE64.encode(leaked.as_bytes()));
    assert_eq!(gateway.deliver(&delivery).status, 200);
    let record = exposure(&gateway);
    assert_eq!((record.text("integration"), record.text("secret_of"), record.text("secret_id")), ("github", "github", "current"));
    assert_eq!((record.text("place"), record.text("form")), ("header x-github-encoded-secret", "base64"));
    let labels = [("integration", "github"), ("secret_id", "current")];
    assert!((gateway.metrics().sum("hookward_secret_exposed_total", &labels) - 1.0).abs() < 0.5);
    let inventory = gateway.admin("/api/v1/integrations").text();
    assert!(inventory.contains("\"last_exposed\": \"20"), "{inventory}");
    assert!(inventory.contains("\"secret-in-delivery\""), "{inventory}");
    let ready = gateway.readiness().to_string();
    assert!(ready.contains("secret_in_delivery") && ready.contains("github: deliveries carry the secret current"), "{ready}");
    let ledger = {
        let told = format!("{}{}{}", gateway.audit_text(), gateway.stderr(), inventory);
        assert!(!told.contains(&leaked) && !told.contains(&BASE64.encode(leaked.as_bytes())), "{told}");
        gateway.finish()
    };
    ledger.holds_exactly(&[("delivered", 200)]);
}

#[test]
fn the_secret_of_another_integration_is_found_in_query_and_body_once_a_minute() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream);
    let leaked = HEXLOWER.encode(secret(Provider::Stripe).as_bytes());
    for _ in 0..3 {
        let delivery = Provider::Github.delivery();
        assert_eq!(gateway.deliver_to(&format!("/hooks/github?key={leaked}"), &delivery).status, 200);
    }
    let labels = [("integration", "stripe"), ("secret_id", "current")];
    let counted = poll(PATIENCE, || (gateway.metrics().sum("hookward_secret_exposed_total", &labels) > 2.5).then_some(()));
    assert!(counted.is_some(), "every one is counted");
    let ledger = gateway.finish();
    let told: Vec<_> = ledger.records.iter().filter(|record| record.kind() == "exposure").collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].text("secret_of"), told[0].text("place"), told[0].text("form")), ("stripe", "query", "hex"));
}

#[test]
fn honest_deliveries_of_every_provider_expose_nothing() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(Config::all_providers(&upstream.url()));
    for provider in Provider::ALL {
        assert_eq!(gateway.deliver(&provider.delivery()).status, 200, "{provider:?}");
    }
    let ledger = gateway.finish();
    assert!(ledger.records.iter().all(|record| record.kind() != "exposure"));
}

#[test]
fn a_token_that_is_shown_in_every_delivery_is_no_news_but_in_the_body_of_another_it_is() {
    let upstream = Upstream::start();
    let table = "[integration.lab]\nprovider = \"gitlab-token\"\npath = \"/lab\"\nsecrets = [ { id = \"t\", file = \"lab\" } ]";
    let config = Config::of(Integration::new(Provider::Github, &upstream.url())).file("lab", "a-token-of-some-length");
    let config = config.tail(&format!("{table}\nupstream = \"{}\"\n", upstream.url()));
    let gateway = Gateway::start(config);
    let headers = [("X-Gitlab-Token", "a-token-of-some-length"), ("X-Gitlab-Event", "Push Hook")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(gateway.post("/lab", &headers, b"{\"object_kind\":\"push\"}").status, 200);
    assert_eq!(gateway.deliver(&Provider::Github.delivery().with("X-Other", "a-token-of-some-length")).status, 200);
    let record = exposure(&gateway);
    assert_eq!((record.text("integration"), record.text("secret_of"), record.text("place")), ("github", "lab", "header x-other"));
    let ledger = gateway.finish();
    assert_eq!(ledger.records.iter().filter(|record| record.kind() == "exposure").count(), 1);
}
