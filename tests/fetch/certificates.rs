//! Certificates that deliveries name: fetched from exactly one host, once, within bounds, and judged before they verify anything.

use std::net::{Ipv4Addr, SocketAddrV4};

use rcgen::{PKCS_RSA_SHA256, RsaKeySize, date_time_ymd};
use tokio::net::TcpSocket;

use super::*;

const SIGNED_BY: &str = "https://sns.eu-west-1.amazonaws.com";
const GOOD: &str = "/SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem";
const NAMED: &str =
    "provider = \"aws-sns\"\nsecrets = [ { id = \"named\", certificates_from = \"sns.eu-west-1.amazonaws.com\" } ]\n";
const HOUR: Duration = Duration::from_secs(3600);
/// What looks like a certificate.
const NO_CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

fn parameters(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).unwrap()
}

fn authority(names: &[&str]) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut parameters = CertificateParams::new(names).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters
}

/// A certificate for the key that signs deliveries here.
fn certificate(parameters: &CertificateParams) -> String {
    parameters.self_signed(&KeyPair::from_pem(RSA).unwrap()).unwrap().pem()
}

fn good() -> String {
    certificate(&parameters("sns.amazonaws.com"))
}

/// A message that names a certificate, signed like any other.
fn naming(clock: &Clock, id: &str, url: &str) -> Vec<u8> {
    let body = String::from_utf8(sns(clock, "Notification", TOPIC, None, id)).unwrap();
    let mut message: serde_json::Value = serde_json::from_str(&body).unwrap();
    message["SigningCertURL"] = url.into();
    message.to_string().into_bytes()
}

fn name(number: u32) -> String {
    format!("/SimpleNotificationService-{number:032x}.pem")
}

async fn stage(lines: &str) -> (Stage, Others) {
    let others = Others::default();
    let detour = others.start(&["sns.eu-west-1.amazonaws.com", "api.paypal.com", "evil.example"]).await;
    let clock = Clock::manual(Clock::system().now().wall);
    (Stage::set(lines, &[("public", RSA_PUBLIC)], detour, clock).await, others)
}

impl Stage {
    async fn deliver_named(&self, id: &str, target: &str) -> u16 {
        self.deliver("", &naming(&self.clock, id, &format!("{SIGNED_BY}{target}"))).await
    }

    /// The same from another address of the loopback network.
    async fn deliver_from(&self, last: u8, body: &[u8]) -> u16 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddrV4::new(Ipv4Addr::new(127, 0, 1, last), 0).into()).unwrap();
        let stream = socket.connect(self.gateway.addresses()[0].tcp().unwrap()).await.unwrap();
        let stream = self.tls.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
        let head = format!("POST /in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
        status(stream, &[head.as_bytes(), body].concat()).await.0
    }
}

#[tokio::test]
async fn the_first_delivery_fetches_the_certificate_and_the_others_use_it() {
    let (stage, others) = stage(NAMED).await;
    assert_eq!(stage.admin("/readyz").await.0, 200, "what comes with the first delivery is no reason to send none");
    others.answer(GOOD, 200, &good());
    let bodies: Vec<_> = (0..12).map(|id| naming(&stage.clock, &format!("first-{id}"), &format!("{SIGNED_BY}{GOOD}"))).collect();
    let first = futures_of(bodies.iter().map(|body| stage.deliver("", body))).await;
    assert_eq!(first, [200; 12]);
    assert_eq!(others.asked(), [("sns.eu-west-1.amazonaws.com".to_owned(), GOOD.to_owned())], "one fetch for all of them");
    assert_eq!(stage.deliver_named("later", GOOD).await, 200);
    let mut forged = naming(&stage.clock, "forged", &format!("{SIGNED_BY}{GOOD}"));
    let at = forged.windows(5).position(|bytes| bytes == b"hello").unwrap();
    forged[at] = b'j';
    assert_eq!(stage.deliver("", &forged).await, 401);
    assert_eq!((others.asked().len(), stage.taken()), (1, 13));
    let told = stage.admin("/api/v1/integrations").await.1;
    assert!(told.contains("\"named\"") && !told.contains("missing"), "{told}");
    stage.gateway.drain().await.unwrap();
}

/// Polls all at once.
async fn futures_of<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = all.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (one, done) in all.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(output) = one.as_mut().poll(context)
            {
                *done = Some(output);
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().map(Option::unwrap).collect()
}

#[tokio::test]
async fn sig_32_nothing_but_the_urls_of_the_host_is_ever_fetched() {
    let (stage, others) = stage(NAMED).await;
    let good_url = format!("{SIGNED_BY}{GOOD}");
    others.answer(GOOD, 200, &good());
    let wrong = [
        "https://s3.amazonaws.com/b/SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem".to_owned(),
        good_url.replace("https", "http"),
        good_url.replace("https:", "file:"),
        good_url.replace("eu-west-1", "us-east-1"),
        good_url.replace("sns.eu-west-1.amazonaws.com", "evil.example"),
        good_url.replace("sns.eu-west-1.amazonaws.com", "127.0.0.1"),
        good_url.replace("sns.eu-west-1.amazonaws.com", "[::1]"),
        good_url.replace("sns.eu-west-1.amazonaws.com", "169.254.169.254"),
        good_url.replace(".com/", ".com.evil.example/"),
        good_url.replace(".com/", ".com./"),
        good_url.replace(".com/", ".com:443/"),
        good_url.replace(".com/", ".com:8443/"),
        good_url.replace(".com/", ".com@evil.example/"),
        good_url.replace("//sns", "//user@sns"),
        good_url.replace("//sns", "//evil.example\\@sns"),
        good_url.replace("amazonaws", "am\u{430}zonaws"),
        good_url.replace(".amazonaws", "\u{3002}amazonaws"),
        good_url.replace(".com/", ".com/../"),
        good_url.replace(".com/", ".com/%2e%2e/"),
        good_url.replace(".com/", ".com//"),
        good_url.replace(".pem", ".pem?a=b"),
        good_url.replace(".pem", ".pem#"),
        good_url.replace("7506", "750G"),
        good_url.replace("7506", "750"),
        format!("{good_url}\r\nHost: evil.example"),
        String::new(),
    ];
    for (index, url) in wrong.iter().enumerate() {
        assert_eq!(stage.deliver("", &naming(&stage.clock, &format!("w{index}"), url)).await, 401, "{url}");
    }
    let twice = String::from_utf8(naming(&stage.clock, "twice", &good_url)).unwrap();
    let twice = twice.replacen('{', &format!("{{\"SigningCertURL\":\"{good_url}\","), 1);
    assert_eq!(stage.deliver("", twice.as_bytes()).await, 401, "which one is meant nobody knows");
    assert_eq!((others.asked(), stage.taken()), (vec![], 0));
    assert_eq!(stage.deliver_named("good", GOOD).await, 200);
    stage.gateway.drain().await.unwrap();
}

#[tokio::test]
async fn what_comes_must_be_a_certificate_of_the_provider_that_is_valid_now() {
    let (stage, others) = stage(NAMED).await;
    let mut ended = parameters("sns.amazonaws.com");
    ended.not_after = date_time_ymd(2020, 1, 1);
    let mut to_come = parameters("sns.amazonaws.com");
    to_come.not_before = date_time_ymd(4000, 1, 1);
    let elliptic = parameters("sns.amazonaws.com").self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
    let stranger = CertifiedIssuer::self_signed(authority(&[]), KeyPair::generate().unwrap()).unwrap();
    let of_stranger = parameters("sns.amazonaws.com").signed_by(&KeyPair::from_pem(RSA).unwrap(), &stranger).unwrap();
    let bad = [
        (404, good()),
        (302, good()),
        (500, good()),
        (200, String::new()),
        (200, "<html>sign in</html>".to_owned()),
        (200, RSA_PUBLIC.to_owned()),
        (200, NO_CERTIFICATE.to_owned()),
        (200, "a".repeat(70_000)),
        (200, certificate(&parameters("evil.example"))),
        (200, certificate(&parameters("sns-signing.us-east-1.amazonaws.com"))),
        (200, certificate(&parameters("sns.amazonaws.com.evil.example"))),
        (200, certificate(&ended)),
        (200, certificate(&to_come)),
        (200, certificate(&authority(&["sns.amazonaws.com"]))),
        (200, elliptic),
        (200, good().repeat(6)),
        (200, format!("{}{}", of_stranger.pem(), stranger.pem())),
    ];
    for (count, (number, (status, body))) in (1..).zip((0..).zip(&bad)) {
        others.answer(&name(number), *status, body);
        assert_eq!(stage.deliver_named(&format!("b{number}"), &name(number)).await, 503, "{status} {body}");
        assert_eq!(stage.deliver_named(&format!("b{number}"), &name(number)).await, 503, "it did not come a moment ago");
        assert_eq!(others.asked().len(), count, "and nobody was asked again");
        stage.clock.advance(Duration::from_secs(31));
    }
    assert_eq!(stage.taken(), 0);
    others.answer(&name(0), 200, &good());
    assert_eq!(stage.deliver_named("b0", &name(0)).await, 200, "it is there now");
    let regional = certificate(&parameters("sns-signing.eu-west-1.amazonaws.com"));
    others.answer(&name(100), 200, &regional);
    assert_eq!(stage.deliver_named("regional", &name(100)).await, 200);
    // A certificate of another key: known, and not the one.
    let other = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    others.answer(&name(101), 200, &parameters("sns.amazonaws.com").self_signed(&other).unwrap().pem());
    stage.clock.advance(Duration::from_secs(31));
    assert_eq!(stage.deliver_named("other", &name(101)).await, 401);
    assert!(!stage.admin("/metrics").await.1.contains("hookward_key_fetch_failures_total 0\n"));
    let audit_said = stage.audit_after_drain().await;
    assert!(audit_said.contains("\"reason\":\"secret_unavailable\",\"status\":503"), "{audit_said}");
}

impl Stage {
    async fn audit_after_drain(self) -> String {
        let Self { folder, gateway, .. } = self;
        gateway.drain().await.unwrap();
        fs::read_to_string(folder.path().join("audit.jsonl")).unwrap()
    }
}

#[tokio::test]
async fn a_host_that_does_not_answer_keeps_nobody_who_names_what_is_known() {
    let (stage, others) = stage(NAMED).await;
    others.answer(GOOD, 200, &good());
    assert_eq!(stage.deliver_named("known", GOOD).await, 200);
    others.silence(&name(1));
    let body = naming(&stage.clock, "silent", &format!("{SIGNED_BY}{}", name(1)));
    let waits = Clock::system();
    let began = waits.now().monotonic;
    let silent = async { (stage.deliver("", &body).await, waits.now().monotonic) };
    let known = async {
        let mut statuses = Vec::new();
        for id in 0..3 {
            statuses.push(stage.deliver_named(&format!("meanwhile-{id}"), GOOD).await);
        }
        (statuses, waits.now().monotonic)
    };
    let ((silent, silent_at), (known, known_at)) = tokio::join!(silent, known);
    assert_eq!((silent, known), (503, vec![200; 3]));
    assert!(silent_at.since(began) >= Duration::from_secs(2) && known_at < silent_at, "one waited, the others did not");
    stage.gateway.drain().await.unwrap();
}

#[tokio::test]
async fn a_flood_of_names_asks_little_and_honest_deliveries_go_on() {
    let (stage, others) = stage(NAMED).await;
    others.answer(GOOD, 200, &good());
    assert_eq!(stage.deliver_named("known", GOOD).await, 200);
    let mut number = 1000;
    for last in 1..=40 {
        for _ in 0..6 {
            number += 1;
            let mut body = naming(&stage.clock, "flood", &format!("{SIGNED_BY}{}", name(number)));
            let at = body.windows(5).position(|bytes| bytes == b"hello").unwrap();
            body[at] = b'j';
            let status = stage.deliver_from(last, &body).await;
            assert!([503, 429].contains(&status), "{status}");
        }
        assert_eq!(stage.deliver_named(&format!("honest-{last}"), GOOD).await, 200);
    }
    assert!(others.asked().len() <= 21, "{} names were asked for", others.asked().len());
    // One address may have three names under way or absent, so a few strangers leave room for a new certificate.
    stage.clock.advance(Duration::from_secs(61));
    let before = others.asked().len();
    for number in 5000..5020 {
        stage.deliver_from(50, &naming(&stage.clock, "flood", &format!("{SIGNED_BY}{}", name(number)))).await;
    }
    assert_eq!(others.asked().len() - before, 3);
    assert!(!stage.admin("/metrics").await.1.contains("hookward_limit_reached_total{limit=\"certificates\"} 0\n"));
    others.answer(&name(1), 200, &good());
    assert_eq!(stage.deliver_named("next", &name(1)).await, 200, "the next certificate");
    assert_eq!(stage.deliver_named("still", GOOD).await, 200);
    stage.gateway.drain().await.unwrap();
}

#[tokio::test]
async fn what_is_in_use_is_fetched_again_in_the_background_and_given_up_when_it_is_old() {
    let (stage, others) = stage(NAMED).await;
    others.answer(GOOD, 200, &good());
    assert_eq!(stage.deliver_named("1", GOOD).await, 200);
    stage.clock.advance(6 * HOUR);
    await_asked(&others, 2).await;
    assert_eq!(stage.deliver_named("2", GOOD).await, 200);
    others.answer(GOOD, 500, "");
    stage.clock.advance(6 * HOUR);
    stage.await_admin("/readyz", 200, "keys_not_refreshed").await;
    assert_eq!(stage.deliver_named("3", GOOD).await, 200, "what came is used");
    stage.clock.advance(17 * HOUR);
    assert_eq!(stage.deliver_named("4", GOOD).await, 200);
    stage.clock.advance(HOUR);
    assert_eq!(stage.deliver_named("5", GOOD).await, 503, "it has not been seen for a day");
    stage.await_admin("/readyz", 200, "\"ready\"").await;
    others.answer(GOOD, 200, &good());
    stage.clock.advance(Duration::from_secs(31));
    assert_eq!(stage.deliver_named("6", GOOD).await, 200);
    stage.gateway.drain().await.unwrap();
}

async fn await_asked(others: &Others, count: usize) {
    let asked = async {
        while others.asked().len() < count {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, asked).await.unwrap();
}

#[tokio::test]
async fn a_pinned_certificate_stands_beside_those_that_are_named() {
    let lines = "provider = \"aws-sns\"\nsecrets = [ { id = \"pinned\", file = \"public\" }, \
                 { id = \"named\", certificates_from = \"sns.eu-west-1.amazonaws.com\" } ]\n";
    let (stage, others) = stage(lines).await;
    assert_eq!(stage.deliver_named("1", GOOD).await, 200, "the named one does not come, and the pinned one verifies");
    let other_region = "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem";
    assert_eq!(stage.deliver("", &naming(&stage.clock, "2", other_region)).await, 200);
    assert_eq!(stage.deliver("", &naming(&stage.clock, "3", "https://evil.example/a.pem")).await, 401, "no host of SNS's");
    assert_eq!(others.asked().len(), 1);
    stage.gateway.drain().await.unwrap();
}

const PAYPAL_CERT: &str = "/v1/notifications/certs/CERT-360caa42-fca2a594-1d93a270";
const PAYPAL: &str = "provider = \"paypal\"\noptions = { webhook_id = \"0NH55953DH663215D\" }\n\
                      secrets = [ { id = \"live\", certificates_from = \"api.paypal.com\" } ]\n";

/// A delivery of `PayPal`, signed now.
fn paypal(clock: &Clock, id: &str, url: &str) -> String {
    let (scheme, key) = signer("paypal");
    let scheme = scheme.bound("", &BTreeMap::from([("webhook_id".to_owned(), "0NH55953DH663215D".to_owned())]));
    let headers = HeaderMap::from_iter([("paypal-transmission-id".parse().unwrap(), id.parse().unwrap())]);
    let request = ToSign { id: None, timestamp: clock.now().wall, headers: &headers, body: b"{}" };
    let signed = sign(&scheme, &key, &request);
    let lines = signed.iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap()));
    format!("PAYPAL-CERT-URL: {url}\r\nPAYPAL-TRANSMISSION-ID: {id}\r\n{}", lines.collect::<String>())
}

#[tokio::test]
async fn a_chain_that_is_served_must_lead_to_a_root() {
    let (stage, others) = stage(PAYPAL).await;
    let url = format!("https://api.paypal.com{PAYPAL_CERT}");
    let root = others.root();
    let key = KeyPair::from_pem(RSA).unwrap();
    let between = CertifiedIssuer::signed_by(authority(&[]), KeyPair::generate().unwrap(), &root).unwrap();
    let stranger = CertifiedIssuer::self_signed(authority(&[]), KeyPair::generate().unwrap()).unwrap();
    let leaf = parameters("messageverificationcerts.paypal.com").signed_by(&key, &between).unwrap();
    others.answer(PAYPAL_CERT, 200, &format!("{}{}", leaf.pem(), stranger.pem()));
    assert_eq!(stage.deliver(&paypal(&stage.clock, "1", &url), b"{}").await, 503, "a chain of somebody else");
    stage.clock.advance(Duration::from_secs(31));
    others.answer(PAYPAL_CERT, 200, &format!("{}{}", leaf.pem(), between.pem()));
    assert_eq!(stage.deliver(&paypal(&stage.clock, "2", &url), b"{}").await, 200);
    let sandbox = url.replace("api.", "api.sandbox.");
    assert_eq!(stage.deliver(&paypal(&stage.clock, "3", &sandbox), b"{}").await, 401, "the sandbox is another host");
    assert_eq!(others.asked().len(), 2);
    stage.gateway.drain().await.unwrap();
}

#[test]
fn only_hosts_of_the_provider_can_be_named() {
    let topic = format!("options = {{ topic_arn = \"{TOPIC}\" }}\n");
    let folder = tempfile::tempdir().unwrap();
    let parse = |lines: &str| config::parse("fetch.toml", &configuration(lines, "127.0.0.1:1".parse().unwrap()), folder.path());
    assert!(parse(NAMED).is_ok() && parse(&format!("{NAMED}{topic}")).is_ok() && parse(PAYPAL).is_ok());
    let wrong = [
        NAMED.replace("sns.eu-west-1.amazonaws.com", "evil.example"),
        NAMED.replace("sns.eu-west-1", "sns.eu-west-1.evil"),
        NAMED.replace("sns.eu", "https://sns.eu"),
        NAMED.replace("sns.eu", "SNS.eu"),
        NAMED.replace("sns.eu-west-1", "sns.{region}"),
        NAMED.replace("sns.eu-west-1", "*"),
        NAMED.replace(".com\"", ".com\", env = \"X\""),
        NAMED.replace(".com\"", ".com\", file = \"x\""),
        NAMED.replace(".com\"", ".com\", encoding = \"pem\""),
        NAMED.replace(".com\"", ".com\", url = \"https://sns.eu-west-1.amazonaws.com/a\""),
        format!("{}{topic}", NAMED.replace("eu-west-1", "us-east-1")),
        NAMED.replace("aws-sns", "github"),
        PAYPAL.replace("api.paypal.com", "www.paypal.com"),
    ];
    for lines in wrong {
        let faults = parse(&lines).map(|_| lines.clone()).unwrap_err();
        assert!(faults.iter().all(|fault| fault.key.contains("secrets")), "{lines}: {faults:?}");
    }
}
