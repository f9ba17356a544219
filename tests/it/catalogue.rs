//! The whole catalogue by the command line alone: what `providers` says of each preset is enough to write its secret, what
//! `init` writes `check` takes, and what `sign` makes the gateway takes once: the same again is a replay, a changed byte or
//! another secret's work is refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde_json::Value;

use crate::support::certificate::Certificate;
use crate::support::client::{Answer, find};
use crate::support::config::Config;
use crate::support::gateway::{Gateway, hookward};
use crate::support::upstream::Upstream;

const RSA: &str = include_str!("../keys/rsa2048.pem");
const RSA_PUBLIC: &str = include_str!("../keys/rsa2048.pub.pem");
const RSA_SET: &str = include_str!("../keys/rsa2048.jwks.json");
const P256: &str = include_str!("../keys/p256.pem");
/// The public half of it, and RFC 8032's first test key.
const P256_PUBLIC: &str = include_str!("../keys/p256.pub.der.hex");
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const ED25519_PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
const ED25519_PREFIX: &str = "302a300506032b6570032100";

/// Nothing new is signed with SHA-1 by a private key: their known answers are all there is.
const UNSIGNABLE: [&str; 2] = ["rsa-pkcs1-sha1", "ecdsa-p256-sha1"];

/// What `providers NAME` says, by topic.
struct Preset {
    name: String,
    algorithm: String,
    said: BTreeMap<String, String>,
}

/// A secret as the gateway verifies with it, as `sign` signs with it, and one of the same kind that is not ours.
struct Keys {
    verifying: String,
    signing: String,
    stranger: Option<&'static str>,
}

impl Preset {
    fn of(&self, topic: &str) -> &str {
        self.said.get(topic).unwrap_or_else(|| panic!("{}: nothing is said of {topic}", self.name))
    }

    /// Written as the sentence about its key says.
    fn keys(&self) -> Keys {
        let key = self.of("key");
        let shared =
            |text: &str, stranger| Keys { verifying: text.to_owned(), signing: text.to_owned(), stranger: Some(stranger) };
        match self.algorithm.as_str() {
            "ed25519" => Keys { verifying: ed25519(key), signing: SEED.to_owned(), stranger: Some(OTHER_SEED) },
            algorithm if algorithm.starts_with("rsa") => Keys { verifying: rsa(key), signing: RSA.to_owned(), stranger: None },
            algorithm if algorithm.starts_with("ecdsa") => {
                Keys { verifying: p256(key), signing: P256.to_owned(), stranger: None }
            }
            _ if key.contains("user and password") => shared("user:a password of some length", "user:another password"),
            _ if key.contains("in hex") => shared(SEED, OTHER_SEED),
            _ if key.contains("base64") => shared("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "LfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            _ => shared("a secret of some length", "another secret of some length"),
        }
    }

    fn is_best_effort(&self) -> bool {
        self.of("replay").contains("best effort")
    }

    fn acknowledges_replays(&self) -> bool {
        self.of("replay").starts_with("A replay is acknowledged with 200")
    }
}

const OTHER_SEED: &str = "8d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.trim().as_bytes()).unwrap()
}

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64.encode(der))
}

fn ed25519(key: &str) -> String {
    match key {
        _ if key.contains("PEM") => pem(&hex(&format!("{ED25519_PREFIX}{ED25519_PUBLIC}"))),
        _ if key.contains("base64") => BASE64.encode(&hex(ED25519_PUBLIC)),
        _ => ED25519_PUBLIC.to_owned(),
    }
}

fn rsa(key: &str) -> String {
    match key {
        _ if key.contains("Key Set") => RSA_SET.to_owned(),
        _ if key.contains("PEM") => RSA_PUBLIC.to_owned(),
        _ => RSA_PUBLIC.lines().filter(|line| !line.starts_with('-')).collect(),
    }
}

fn p256(key: &str) -> String {
    let der = hex(P256_PUBLIC);
    let (x, y) = der[der.len() - 64..].split_at(32);
    match key {
        _ if key.contains("Key Set") => {
            let [x, y] = [x, y].map(|number| BASE64URL_NOPAD.encode(number));
            format!(r#"{{"keys":[{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}]}}"#)
        }
        _ if key.contains("base64") => BASE64.encode(&der),
        _ => pem(&der),
    }
}

#[track_caller]
fn ran(directory: &Path, arguments: &[&str], environment: &BTreeMap<String, String>) -> Output {
    hookward(directory).args(arguments).envs(environment).output().unwrap()
}

#[track_caller]
fn out(output: Output) -> Vec<u8> {
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// Every preset, as the command line tells of it.
fn presets() -> Vec<Preset> {
    let (here, none) = (Path::new("."), BTreeMap::new());
    let listed: Vec<Value> = serde_json::from_slice(&out(ran(here, &["providers", "--format", "json"], &none))).unwrap();
    let text = |value: &Value, key: &str| value[key].as_str().unwrap().to_owned();
    let explained = |listed: &Value| {
        let name = text(listed, "name");
        let one: Value = serde_json::from_slice(&out(ran(here, &["providers", &name, "--format", "json"], &none))).unwrap();
        let mut said = BTreeMap::new();
        for sentence in one["explained"].as_array().unwrap() {
            said.entry(text(sentence, "topic")).or_insert_with(|| text(sentence, "text"));
        }
        Preset { name, algorithm: text(listed, "algorithm"), said }
    };
    listed.iter().map(explained).collect()
}

/// The value of the first `key = "…"` in a text.
fn quoted<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("{key} = \""))?;
    rest.split('"').next()
}

/// What stands under an integration's head.
fn table<'t>(config: &'t str, name: &str) -> &'t str {
    let (_, rest) = config.split_once(&format!("[integration.{name}]\n")).unwrap();
    rest.split("\n[").next().unwrap()
}

#[test]
fn what_init_writes_for_each_preset_is_sound_once_its_secret_is_there() {
    let presets = presets();
    assert!(presets.len() >= 150, "{}", presets.len());
    let directory = tempfile::tempdir().unwrap();
    let certificate = Certificate::shared();
    fs::write(directory.path().join("tls.crt"), &certificate.cert_pem).unwrap();
    fs::write(directory.path().join("tls.key"), &certificate.key_pem).unwrap();
    for preset in presets {
        let none = BTreeMap::new();
        let file = format!("{}.toml", preset.name);
        out(ran(directory.path(), &["init", "--provider", &preset.name, "--output", &file], &none));
        let written = fs::read_to_string(directory.path().join(&file)).unwrap();
        let variable = quoted(&written, "{ id = \"first\", env").map(str::to_owned);
        // A secret that the provider hands over itself is nobody's to set.
        assert_eq!(variable.is_none(), written.contains("handshake = true"), "{written}");
        let secret = variable.into_iter().map(|name| (name, preset.keys().verifying)).collect();
        let checked = ran(directory.path(), &["check", "--config", &file], &secret);
        assert_eq!(checked.status.code(), Some(0), "{}: {}", preset.name, String::from_utf8_lossy(&checked.stdout));
    }
}

/// One gateway for all presets, of what `init` wrote.
struct World {
    gateway: Gateway,
    upstream: Upstream,
    config: String,
}

impl World {
    fn start(presets: &[Preset]) -> Self {
        let upstream = Upstream::start();
        let named = presets.iter().flat_map(|preset| ["--provider", preset.name.as_str()]);
        let arguments: Vec<&str> = ["init", "--output", "-"].into_iter().chain(named).collect();
        let text = String::from_utf8(out(ran(Path::new("."), &arguments, &BTreeMap::new()))).unwrap();
        // What a newcomer edits: where to, where from, what is kept.
        let text = text
            .replace("http://127.0.0.1:3000/", &format!("http://127.0.0.1:{}/", upstream.port()))
            .replace("/var/lib/hookward", "state")
            .replace("bind = \"127.0.0.1:9901\"", "")
            .replace("output = \"stdout\"", "output = \"audit.jsonl\"")
            .replace("[audit]", "[replay]\nstore = \"memory\"\ncold_start = \"accept\"\n\n[rate_limit]\nfailures_per_source = { rate = \"1000/s\", burst = 100000 }\n\n[audit]");
        let mut config = Config::written(&text.replace("handshake = true", "env = \"HANDED_OVER\""))
            .environment("HANDED_OVER", "a secret of some length");
        for preset in presets {
            if let Some(variable) = quoted(table(&text, &preset.name), "{ id = \"first\", env") {
                config = config.environment(variable, &preset.keys().verifying);
            }
        }
        Self { gateway: Gateway::start(config), upstream, config: text }
    }

    /// The arguments of `sign` that follow from what `init` wrote.
    fn arguments(&self, preset: &Preset) -> Vec<String> {
        let table = table(&self.config, &preset.name);
        let own = format!("https://localhost:8443/webhooks/{}", preset.name);
        let url = quoted(table, "public_url").unwrap_or(&own);
        let mut arguments = vec!["--provider", &preset.name, "--secret-env", "HW_SIGN", "--url", url]
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>();
        if let Some(id) = quoted(table, "key_id") {
            arguments.extend(["--key-id".to_owned(), id.to_owned()]);
        }
        for line in table.lines().filter_map(|line| line.strip_prefix("options.")) {
            let (name, rest) = line.split_once(" = \"").unwrap();
            arguments.extend(["--option".to_owned(), format!("{name}={}", rest.split('"').next().unwrap())]);
        }
        arguments
    }

    /// Runs `sign`; where the scheme signs a header that it does not make, it says which, and is given it.
    fn sign(&self, preset: &Preset, secret: &str, more: &[&str]) -> Output {
        let mut arguments = self.arguments(preset);
        arguments.extend(more.iter().map(|word| (*word).to_owned()));
        let environment = BTreeMap::from([("HW_SIGN".to_owned(), secret.to_owned())]);
        for _ in 0..3 {
            let words: Vec<&str> = std::iter::once("sign").chain(arguments.iter().map(String::as_str)).collect();
            let output = ran(self.gateway.directory(), &words, &environment);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let wanted = said.split_once("the scheme signs ").and_then(|(_, rest)| rest.split_once(": give it with --header"));
            let Some((header, _)) = wanted else { return output };
            arguments.extend(["--header".to_owned(), format!("{header}:{:032x}", another_number())]);
        }
        panic!("{}: sign asks for one header after the other", preset.name);
    }

    fn send(&self, message: &[u8]) -> Answer {
        let mut connection = self.gateway.connect();
        connection.send(message);
        connection.answer()
    }
}

/// Another one each time.
fn another_number() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The words of a curl line as a shell gives them, as the request that curl makes of them.
fn by_curl(line: &[u8]) -> Vec<u8> {
    let script = format!("curl() {{ printf '%s\\0' \"$@\"; }}\n{}", String::from_utf8(line.to_vec()).unwrap());
    let words = std::process::Command::new("sh").args(["-c", &script]).output().unwrap().stdout;
    let words = String::from_utf8(words).unwrap();
    let mut words = words.strip_suffix('\0').unwrap().split('\0');
    let (mut method, mut url, mut body, mut headers) = ("", "", "", String::new());
    while let Some(word) = words.next() {
        match word {
            "--include" | "--globoff" => {}
            "--request" => method = words.next().unwrap(),
            "--header" => headers.extend([words.next().unwrap().trim_end_matches(';'), "\r\n"]),
            "--data-raw" => body = words.next().unwrap(),
            word => url = word,
        }
    }
    let (_, rest) = url.split_once("://").unwrap();
    let (host, target) = rest.split_once('/').unwrap();
    format!("{method} /{target} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// The last byte of the body is another one; of a request without a body that of its target.
fn changed(message: &[u8]) -> Vec<u8> {
    let mut changed = message.to_vec();
    if message.ends_with(b"\r\n\r\n") {
        let end = find(message, b" HTTP/1.1\r\n").unwrap() - 1;
        changed[end] = if message[end] == b'0' { b'1' } else { b'0' };
    } else {
        *changed.last_mut().unwrap() ^= 1;
    }
    changed
}

#[test]
fn what_sign_makes_for_each_preset_is_taken_once_and_nothing_else_of_it() {
    let presets = presets();
    let world = World::start(&presets);
    let mut forwarded = 0;
    let mut saw = |more: usize, what: &str| {
        forwarded += more;
        assert_eq!(world.upstream.wait_for(forwarded).len(), forwarded, "{what}");
    };
    for preset in &presets {
        let (name, keys) = (preset.name.as_str(), preset.keys());
        if UNSIGNABLE.contains(&preset.algorithm.as_str()) {
            let output = world.sign(preset, &keys.signing, &[]);
            assert!(String::from_utf8_lossy(&output.stderr).contains("nothing new is signed with"), "{name}");
            continue;
        }
        let message = out(world.sign(preset, &keys.signing, &["--output", "http"]));
        assert_eq!(world.send(&message).status, 200, "{name}: {}", String::from_utf8_lossy(&message));
        saw(1, name);

        let again = world.send(&message);
        if preset.acknowledges_replays() {
            assert_eq!((again.status, again.header("hookward-replay")), (200, Some("true")), "{name}");
        } else {
            again.refused(409, "conflict");
        }

        let answer = world.send(&changed(&message));
        if preset.is_best_effort() {
            // The sender is proven and nothing else: it is another delivery, unless what is shown stands in a body that is none
            // any more.
            let is_in_body = preset.of("signature").contains("json:");
            assert_eq!(answer.status, if is_in_body { 401 } else { 200 }, "{name}");
            saw(usize::from(!is_in_body), name);
        } else {
            answer.refused(401, "unauthorized");
        }

        if let Some(stranger) = keys.stranger {
            let forged = out(world.sign(preset, stranger, &["--output", "http"]));
            world.send(&forged).refused(401, "unauthorized");
        }

        let line = out(world.sign(preset, &keys.signing, &["--output", "curl"]));
        let asked = by_curl(&line);
        assert_eq!(world.send(&asked).status, 200, "{name}: {}", String::from_utf8_lossy(&asked));
        saw(1, name);

        // The header lines go with the body that is given.
        let start = find(&message, b"\r\n\r\n").unwrap() + 4;
        fs::write(world.gateway.directory().join("body"), &message[start..]).unwrap();
        let lines =
            String::from_utf8(out(world.sign(preset, &keys.signing, &["--output", "headers", "--body", "body"]))).unwrap();
        assert!(lines.lines().all(|line| line.contains(": ")) && lines.lines().count() > 0, "{name}: {lines}");
        let first = message.split(|byte| *byte == b'\r').next().unwrap();
        let length = message.len() - start;
        let mut request = [first, b"\r\nHost: localhost\r\n", lines.replace('\n', "\r\n").as_bytes()].concat();
        request.extend(format!("Content-Length: {length}\r\n\r\n").into_bytes());
        request.extend(&message[start..]);
        // Without a signed time or id the same body is the same delivery.
        let answer = world.send(&request);
        assert!([200, 409].contains(&answer.status), "{name}: {} for {}", answer.status, String::from_utf8_lossy(&request));
        saw(usize::from(answer.status == 200 && answer.header("hookward-replay").is_none()), name);
    }
    world.gateway.finish();
}
