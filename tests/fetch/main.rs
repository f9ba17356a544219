//! What the gateway asks of others, against a stand-in with a root of its own: confirming subscriptions, fetching keys.
//!
//! The gateway runs in this process, because only a test may lead its connections elsewhere. Everything else is as it is:
//! the rules of hosts and URLs, TLS with the name of the real host, sockets, bounds.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "the functions here serve tests only")]

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hookward::config;
use hookward::domain::secret::SecretBytes;
use hookward::domain::time::Clock;
use hookward::fetch::client::Detour;
use hookward::gate::verify::sign::{Request as ToSign, SigningKey, sign, sign_body};
use hookward::provider::Catalogue;
use hookward::provider::scheme::Scheme;
use hookward::server::gateway::{Gateway, Surroundings};
use http::HeaderMap;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};

mod certificates;

const PATIENCE: Duration = Duration::from_secs(30);
const RSA: &str = include_str!("../keys/rsa2048.pem");
const RSA_PUBLIC: &str = include_str!("../keys/rsa2048.pub.pem");
const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:orders";
const CONFIRM: &str = "/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:123456789012:orders&Token=2336412f37";

/// The others: hosts with a certificate each for their real names, and what they were asked.
#[derive(Clone, Default)]
struct Others {
    asked: Arc<Mutex<Vec<(String, String)>>>,
    /// Status and body by target; everything else is 404.
    answers: Arc<Mutex<BTreeMap<String, (u16, String)>>>,
    /// Targets that are never answered.
    silent: Arc<Mutex<Vec<String>>>,
    /// Whose certificates are trusted.
    root: Arc<Mutex<Option<Arc<Root>>>>,
}

type Root = CertifiedIssuer<'static, KeyPair>;

impl Others {
    /// Starts them with a certificate for these names.
    async fn start(&self, names: &[&str]) -> Detour {
        let mut root = CertificateParams::new(Vec::<String>::new()).unwrap();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = Arc::new(CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap());
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &root).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(root.der().clone()).unwrap();
        *self.root.lock().unwrap() = Some(root);
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (acceptor, others) = (TlsAcceptor::from(Arc::new(config)), self.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, others) = (acceptor.clone(), others.clone());
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let host = stream.get_ref().1.server_name().unwrap_or_default().to_owned();
                    let Some(head) = read_head(&mut stream).await else { return };
                    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
                    let (status, body) = others.answers.lock().unwrap().get(&target).cloned().unwrap_or((404, String::new()));
                    others.asked.lock().unwrap().push((host, target.clone()));
                    if others.silent.lock().unwrap().contains(&target) {
                        tokio::time::sleep(PATIENCE).await;
                    }
                    let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Detour { address, roots }
    }

    fn answer(&self, target: &str, status: u16, body: &str) {
        self.answers.lock().unwrap().insert(target.to_owned(), (status, body.to_owned()));
    }

    fn silence(&self, target: &str) {
        self.silent.lock().unwrap().push(target.to_owned());
    }

    fn root(&self) -> Arc<Root> {
        self.root.lock().unwrap().clone().unwrap()
    }

    fn asked(&self) -> Vec<(String, String)> {
        self.asked.lock().unwrap().clone()
    }
}

/// An upstream that takes everything.
async fn upstream() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let taken: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&taken);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let seen = Arc::clone(&seen);
            tokio::spawn(async move {
                while let Some(head) = read_head(&mut stream).await {
                    let length =
                        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
                    let mut body = vec![0; length.and_then(|length| length.parse().ok()).unwrap_or(0)];
                    if stream.read_exact(&mut body).await.is_err() {
                        return;
                    }
                    seen.lock().unwrap().push(String::from_utf8(body).unwrap());
                    if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, taken)
}

async fn read_head<S: AsyncRead + Unpin>(stream: &mut S) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

struct Stage {
    folder: tempfile::TempDir,
    gateway: Gateway,
    tls: TlsConnector,
    clock: Clock,
    taken: Arc<Mutex<Vec<String>>>,
}

impl Stage {
    /// A gateway with one integration, `lines` of which say what is special.
    async fn set(lines: &str, files: &[(&str, &str)], detour: Detour, clock: Clock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(folder.path().join("tls.crt"), made.cert.pem()).unwrap();
        fs::write(folder.path().join("tls.key"), made.signing_key.serialize_pem()).unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let client = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        let client = client.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots).with_no_client_auth();
        let (address, taken) = upstream().await;
        let text = configuration(lines, address);
        let plan = config::parse("fetch.toml", &text, folder.path());
        let plan = plan.unwrap_or_else(|faults| panic!("{}", config::render_faults(&faults)));
        let surroundings = Surroundings { detour: Some(detour), ..Surroundings::fixed(&plan, clock.clone(), 2) };
        let gateway = Gateway::start(&plan, surroundings).await;
        let gateway = gateway.map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        Self { folder, gateway, tls: TlsConnector::from(Arc::new(client)), clock, taken }
    }

    /// The status that a delivery is answered with.
    async fn deliver(&self, headers: &str, body: &[u8]) -> u16 {
        let head = format!(
            "POST /in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        );
        let stream = TcpStream::connect(self.gateway.addresses()[0].tcp().unwrap()).await.unwrap();
        let stream = self.tls.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
        status(stream, &[head.as_bytes(), body].concat()).await.0
    }

    async fn admin(&self, path: &str) -> (u16, String) {
        let stream = TcpStream::connect(self.gateway.admin_address().tcp().unwrap()).await.unwrap();
        status(stream, format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").as_bytes()).await
    }

    /// Waits until the admin listener answers a path with a status and a text.
    async fn await_admin(&self, path: &str, status: u16, text: &str) {
        let told = async {
            while !matches!(self.admin(path).await, (known, told) if known == status && told.contains(text)) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        assert!(timeout(PATIENCE, told).await.is_ok(), "{path} never said {status} {text}: {:?}", self.admin(path).await);
    }

    fn audit(&self) -> String {
        fs::read_to_string(self.folder.path().join("audit.jsonl")).unwrap()
    }

    fn taken(&self) -> usize {
        self.taken.lock().unwrap().len()
    }
}

async fn status<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, bytes: &[u8]) -> (u16, String) {
    stream.write_all(bytes).await.unwrap();
    let mut told = Vec::new();
    let _ended = timeout(PATIENCE, stream.read_to_end(&mut told)).await.unwrap();
    let told = String::from_utf8(told).unwrap();
    let status = told.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{told}"));
    (status, told)
}

fn configuration(lines: &str, upstream: SocketAddr) -> String {
    format!(
        "state_dir = \"state\"\n[[listener]]\nbind = \"127.0.0.1:0\"\ntls = {{ cert = \"tls.crt\", key = \"tls.key\" }}\n\
         [admin]\nbind = \"127.0.0.1:0\"\n[audit]\noutput = \"audit.jsonl\"\n\
         [replay]\nstore = \"memory\"\ncold_start = \"accept\"\n[rate_limit]\n\
         per_source = {{ rate = \"1000000/s\", burst = 1000000 }}\nfailures_per_source = {{ rate = \"1000000/s\", burst = 1000000 }}\n\
         [integration.it]\npath = \"/in\"\nupstream = \"http://{upstream}/\"\n{lines}\n"
    )
}

fn signer(provider: &str) -> (Arc<Scheme>, SigningKey) {
    let scheme = Catalogue::builtin().get(provider).unwrap();
    let key = SigningKey::parse(&scheme, None, SecretBytes::new(RSA.as_bytes().to_vec())).unwrap();
    (scheme, key)
}

fn sns(clock: &Clock, kind: &str, topic: &str, url: Option<&str>, id: &str) -> Vec<u8> {
    let (scheme, key) = signer("aws-sns");
    let mut message = serde_json::json!({ "Type": kind, "MessageId": id, "TopicArn": topic, "Message": "hello" });
    if let Some(url) = url {
        message["SubscribeURL"] = url.into();
        message["Token"] = "2336412f37".into();
    }
    let body = message.to_string();
    let request = ToSign { id: None, timestamp: clock.now().wall, headers: &HeaderMap::new(), body: body.as_bytes() };
    sign_body(&scheme, &key, &request).unwrap()
}

const SNS: &str = "provider = \"aws-sns\"\nsecrets = [ { id = \"pinned\", file = \"public\" } ]\n";

async fn sns_stage(topic: bool, names: &[&str]) -> (Stage, Others) {
    let others = Others::default();
    let detour = others.start(names).await;
    let options = if topic { format!("options = {{ topic_arn = \"{TOPIC}\" }}\n") } else { String::new() };
    (Stage::set(&format!("{SNS}{options}"), &[("public", RSA_PUBLIC)], detour, Clock::system()).await, others)
}

#[tokio::test]
async fn the_subscription_of_the_topic_is_confirmed_and_no_other() {
    let (stage, others) = sns_stage(true, &["sns.eu-west-1.amazonaws.com"]).await;
    let url = format!("https://sns.eu-west-1.amazonaws.com{CONFIRM}");
    let confirmation = |url: &str, id: &str| sns(&stage.clock, "SubscriptionConfirmation", TOPIC, Some(url), id);
    // SNS does not take it: we must not say that it did.
    assert_eq!(stage.deliver("", &confirmation(&url, "1")).await, 502);
    others.answer(CONFIRM, 302, "");
    assert_eq!(stage.deliver("", &confirmation(&url, "2")).await, 502, "no redirect is followed");
    others.answer(CONFIRM, 200, "<ConfirmSubscriptionResponse/>");
    assert_eq!(stage.deliver("", &confirmation(&url, "3")).await, 200);
    let expected = ("sns.eu-west-1.amazonaws.com".to_owned(), CONFIRM.to_owned());
    assert_eq!(others.asked(), vec![expected; 3], "the host and the URL of the topic");
    let wrong = [
        url.replace("https", "http"),
        url.replace(".com/", ".com:8443/"),
        url.replace("//sns", "//evil@sns"),
        url.replace("sns.eu-west-1.amazonaws.com", "sns.eu-west-1.amazonaws.com.evil.example"),
        url.replace("sns.eu-west-1.amazonaws.com", "169.254.169.254"),
        url.replace("ConfirmSubscription", "DeleteTopic"),
        format!("{url}&Token=2336412f37"),
    ];
    for (index, url) in wrong.iter().enumerate() {
        assert_eq!(stage.deliver("", &confirmation(url, &format!("w{index}"))).await, 401, "{url}");
    }
    let other = "arn:aws:sns:eu-west-1:999999999999:evil";
    let other_url = url.replace(TOPIC, other);
    assert_eq!(stage.deliver("", &sns(&stage.clock, "SubscriptionConfirmation", other, Some(&other_url), "4")).await, 401);
    assert_eq!(stage.deliver("", &sns(&stage.clock, "Notification", other, None, "5")).await, 401);
    let mut unsigned = confirmation(&url, "6");
    let at = unsigned.windows(5).position(|bytes| bytes == b"hello").unwrap();
    unsigned[at] = b'j';
    assert_eq!(stage.deliver("", &unsigned).await, 401);
    assert_eq!((others.asked().len(), stage.taken()), (3, 0), "nobody else was asked, and the upstream nothing");
    assert_eq!(stage.deliver("", &sns(&stage.clock, "Notification", TOPIC, None, "7")).await, 200);
    assert_eq!(stage.deliver("", &sns(&stage.clock, "UnsubscribeConfirmation", TOPIC, Some(&url), "8")).await, 200);
    assert_eq!((others.asked().len(), stage.taken()), (3, 2));
    stage.gateway.drain().await.unwrap();
}

#[tokio::test]
async fn whoever_is_not_sns_confirms_nothing() {
    let (stage, others) = sns_stage(true, &["sns.us-east-1.amazonaws.com", "evil.example"]).await;
    others.answer(CONFIRM, 200, "");
    let url = format!("https://sns.eu-west-1.amazonaws.com{CONFIRM}");
    let body = sns(&stage.clock, "SubscriptionConfirmation", TOPIC, Some(&url), "1");
    assert_eq!(stage.deliver("", &body).await, 502);
    assert_eq!(others.asked(), [], "its certificate is for another name");
    let audit = stage.audit();
    stage.gateway.drain().await.unwrap();
    let audit = if audit.contains("upstream_unreachable") {
        audit
    } else {
        fs::read_to_string(stage.folder.path().join("audit.jsonl")).unwrap()
    };
    assert!(audit.contains("upstream_unreachable"), "{audit}");
}

#[tokio::test]
async fn confirmations_are_bounded_in_rate() {
    let (stage, others) = sns_stage(true, &["sns.eu-west-1.amazonaws.com"]).await;
    others.answer(CONFIRM, 200, "");
    let url = format!("https://sns.eu-west-1.amazonaws.com{CONFIRM}");
    let body = sns(&stage.clock, "SubscriptionConfirmation", TOPIC, Some(&url), "1");
    let mut told = BTreeMap::new();
    for _ in 0..80 {
        *told.entry(stage.deliver("", &body).await).or_insert(0) += 1;
    }
    // The minute may turn once while this runs.
    assert!(told[&200] <= 120 && told[&200] >= 60 && told.keys().all(|status| [200, 503].contains(status)), "{told:?}");
    assert!(others.asked().len() == told[&200]);
    stage.gateway.drain().await.unwrap();
}

#[tokio::test]
async fn without_a_topic_the_receiver_confirms() {
    let (stage, others) = sns_stage(false, &["sns.eu-west-1.amazonaws.com"]).await;
    let url = format!("https://sns.eu-west-1.amazonaws.com{CONFIRM}");
    assert_eq!(stage.deliver("", &sns(&stage.clock, "SubscriptionConfirmation", TOPIC, Some(&url), "1")).await, 200);
    assert_eq!((others.asked().len(), stage.taken()), (0, 1));
    stage.gateway.drain().await.unwrap();
}

const KEY_SET: &str = include_str!("../keys/rsa2048.jwks.json");
const PUBSUB: &str = "provider = \"gcp-pubsub\"\noptions = { audience = \"us\", service_account = \"push@example.com\" }\n\
                      secrets = [ { id = \"google\", url = \"https://www.googleapis.com/oauth2/v3/certs\" } ]\n";
const CERTS: &str = "/oauth2/v3/certs";

/// A delivery of Pub/Sub, signed now: its header and its body.
fn pubsub(clock: &Clock, id: &str) -> (String, Vec<u8>) {
    let options = [("audience", "us"), ("service_account", "push@example.com")];
    let options = options.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let (scheme, key) = signer("gcp-pubsub");
    let scheme = scheme.bound("", &options);
    let body = format!("{{\"message\":{{\"messageId\":\"{id}\"}}}}").into_bytes();
    let request = ToSign { id: None, timestamp: clock.now().wall, headers: &HeaderMap::new(), body: &body };
    let headers = sign(&scheme, &key, &request);
    let lines = headers.iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap()));
    (lines.collect(), body)
}

#[tokio::test]
async fn key_sets_are_fetched_in_the_background_and_the_last_good_one_stays() {
    let others = Others::default();
    let detour = others.start(&["www.googleapis.com"]).await;
    let clock = Clock::manual(Clock::system().now().wall);
    let stage = Stage::set(PUBSUB, &[], detour, clock.clone()).await;
    let deliver = async |id: &str| {
        let (headers, body) = pubsub(&clock, id);
        stage.deliver(&headers, &body).await
    };
    stage.await_admin("/readyz", 503, "keys_not_refreshed").await;
    let asked = others.asked().len();
    for id in ["1", "2", "3"] {
        assert_eq!(deliver(id).await, 401, "nothing came yet");
    }
    assert_eq!(others.asked().len(), asked, "no request makes anybody ask");
    assert!(stage.admin("/api/v1/integrations").await.1.contains("\"missing\""));

    others.answer(CERTS, 200, KEY_SET);
    clock.advance(Duration::from_secs(6));
    stage.await_admin("/readyz", 200, "\"ready\"").await;
    assert_eq!(deliver("1").await, 200);
    assert!(others.asked().iter().all(|asked| *asked == ("www.googleapis.com".to_owned(), CERTS.to_owned())));

    // What comes later and is none changes nothing, and is shown.
    let no_key = KEY_SET.replace("RSA", "oct");
    let bad = [(500, KEY_SET), (302, KEY_SET), (200, "<html>sign in</html>"), (200, "{\"keys\":[]}"), (200, ""), (200, &no_key)];
    for (index, (status, body)) in bad.into_iter().enumerate() {
        others.answer(CERTS, status, body);
        let before = others.asked().len();
        clock.advance(Duration::from_secs(3601));
        let asked = async {
            while others.asked().len() == before {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, asked).await.unwrap();
        stage.await_admin("/readyz", 200, "keys_not_refreshed").await;
        assert_eq!(deliver(&format!("bad-{index}")).await, 200, "{status} {body}");
    }
    assert!(!stage.admin("/metrics").await.1.contains("hookward_key_fetch_failures_total 0"));

    // Another set, without the key: what it signed is refused from then on.
    others.answer(CERTS, 200, &KEY_SET.replace("\"lo4Q", "\"mo4Q"));
    clock.advance(Duration::from_secs(3601));
    stage.await_admin("/readyz", 200, "\"ready\"").await;
    assert_eq!(deliver("4").await, 401);
    stage.gateway.drain().await.unwrap();
}

#[test]
fn only_key_sets_are_fetched_and_only_from_one_spelling_of_a_url() {
    let wrong = [
        PUBSUB.replace("https", "http"),
        PUBSUB.replace(".com/oauth2", ".com:443/oauth2"),
        PUBSUB.replace("www.googleapis.com", "127.0.0.1"),
        PUBSUB.replace("www.googleapis.com", "localhost"),
        PUBSUB.replace("//www", "//user@www"),
        PUBSUB.replace("certs\"", "certs#a\""),
        PUBSUB.replace("certs\"", "certs\", env = \"X\""),
        PUBSUB.replace("certs\"", "certs\", encoding = \"pem\""),
        SNS.replace("file = \"public\"", "url = \"https://sns.eu-west-1.amazonaws.com/a.pem\""),
        "provider = \"github\"\nsecrets = [ { id = \"a\", url = \"https://example.com/secret\" } ]\n".to_owned(),
    ];
    let folder = tempfile::tempdir().unwrap();
    let parse = |lines: &str| config::parse("fetch.toml", &configuration(lines, "127.0.0.1:1".parse().unwrap()), folder.path());
    assert!(parse(PUBSUB).is_ok());
    for lines in wrong {
        let faults = parse(&lines).map(|_| lines.clone()).unwrap_err();
        assert!(faults.iter().all(|fault| fault.key.contains("secrets")), "{lines}: {faults:?}");
    }
}
