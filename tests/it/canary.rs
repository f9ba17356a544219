//! What must appear nowhere: secrets, signatures and bodies, in any spelling, in anything the gateway writes or says.

use std::fs;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};

use crate::support::client::{find, request};
use crate::support::config::{Config, Integration};
use crate::support::gateway::{Gateway, hookward, hookward_output};
use crate::support::provider::{Delivery, Provider};
use crate::support::upstream::{Reply, Upstream};
use crate::support::{fresh_id, unix_now};

const MARK: &str = "CANARYBODYa7f3";
const TOKEN: &str = "Bearer CANARYTOKEN91c2";
const QUERY: &str = "CANARYQUERY55e0";

/// A delivery whose body carries the mark.
fn marked(provider: Provider, at: i64) -> Delivery {
    let id = fresh_id();
    let text = String::from_utf8(provider.body(&id)).unwrap();
    let body = text.replacen('{', &format!("{{\"{MARK}\":\"{MARK}\","), 1);
    provider.sign(&provider.secret("current"), &id, at, body.as_bytes())
}

/// Every spelling in which a secret could be written out.
fn spellings(secret: &str) -> Vec<Vec<u8>> {
    let mut raw = vec![secret.as_bytes().to_vec()];
    for prefix in ["whsec_", "whpk_"] {
        if let Some(rest) = secret.strip_prefix(prefix) {
            raw.push(rest.as_bytes().to_vec());
            raw.extend(BASE64.decode(rest.as_bytes()).ok());
        }
    }
    raw.extend(HEXLOWER.decode(secret.as_bytes()).ok());
    let encoded = raw.clone().into_iter().flat_map(|bytes| {
        [
            HEXLOWER.encode(&bytes),
            HEXUPPER.encode(&bytes),
            BASE64.encode(&bytes),
            BASE64URL_NOPAD.encode(&bytes),
            format!("{bytes:?}"),
        ]
    });
    raw.extend(encoded.map(String::into_bytes).collect::<Vec<_>>());
    raw
}

fn all_that_may_happen(gateway: &Gateway, upstream: &Upstream) -> (Vec<Delivery>, Vec<String>) {
    let mut sent = Vec::new();
    let mut said = Vec::new();
    let mut deliver = |delivery: Delivery| {
        let path = format!("{}?{QUERY}=1", delivery.provider.path());
        said.push(gateway.deliver_to(&path, &delivery).text());
        sent.push(delivery);
    };
    for provider in Provider::ALL {
        let honest = marked(provider, unix_now());
        deliver(honest.clone());
        deliver(honest);
        deliver(marked(provider, unix_now()).with_tampered_body());
        deliver(marked(provider, unix_now()).with_tampered_signature());
        deliver(marked(provider, unix_now() - 900));
        let doubled = marked(provider, unix_now());
        let signature = doubled.signature().to_owned();
        deliver(doubled.and(provider.signature_header(), &signature));
        upstream.next(Reply::status(500));
        deliver(marked(provider, unix_now()));
        upstream.next(Reply::RawThenReset(b"HTTP/1.1 2".to_vec()));
        deliver(marked(provider, unix_now()));
    }
    let odd = marked(Provider::Stripe, unix_now());
    let mut malformed = request("/hooks/stripe", &odd.headers, &odd.body);
    let at = find(&malformed, b"\r\n\r\n").unwrap();
    malformed.splice(at..at, b"\r\nBroken Header\0: x".iter().copied());
    let mut connection = gateway.connect();
    let _ = connection.try_send(&malformed);
    said.push(String::from_utf8_lossy(&connection.drain(std::time::Duration::from_secs(3))).into_owned());
    sent.push(odd);
    for path in ["/", "/metrics", "/readyz", "/api/v1/integrations", "/nothing"] {
        let answer = gateway.admin(path);
        said.push(format!("{:?} {}", answer.headers, answer.text()));
    }
    for arguments in [&["status"][..], &["status", "--format", "json"], &["check"], &["check", "--format", "sarif"]] {
        let output = hookward_output(gateway.directory(), arguments);
        said.push(String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr));
    }
    (sent, said)
}

#[test]
fn log_02_nothing_secret_is_written_or_said() {
    let upstream = Upstream::start();
    let base = Config::new().set("log", "level", "\"trace\"").set(
        "rate_limit",
        "failures_per_source",
        "{ rate = \"1000/s\", burst = 10000 }",
    );
    let config = Provider::ALL.into_iter().fold(base, |config, provider| {
        let line = "upstream_headers = { Authorization = { env = \"HW_CANARY_TOKEN\" } }\ntimeout = \"2s\"";
        config.integration(Integration::new(provider, &upstream.url()).line(line))
    });
    let mut gateway = Gateway::start(config.environment("HW_CANARY_TOKEN", TOKEN));
    let (sent, said) = all_that_may_happen(&gateway, &upstream);
    gateway.signal("TERM");
    gateway.exit_cleanly();

    let mut forbidden: Vec<(String, Vec<u8>)> = Vec::new();
    for text in [MARK, TOKEN, &TOKEN[7..], QUERY] {
        forbidden.push((text.to_owned(), text.as_bytes().to_vec()));
    }
    for provider in Provider::ALL {
        // A public key is no secret, but nothing prints it either.
        let secret = provider.secret("current").configured;
        forbidden.extend(spellings(&secret).into_iter().map(|bytes| (format!("{provider:?}'s secret"), bytes)));
    }
    for delivery in &sent {
        forbidden.push((format!("{:?}'s signature", delivery.provider), delivery.bare_signature().as_bytes().to_vec()));
    }

    let mut outputs = said.into_iter().map(|text| ("an answer".to_owned(), text.into_bytes())).collect::<Vec<_>>();
    outputs.extend(written(gateway.directory()));
    assert!(outputs.iter().any(|(name, _)| name.ends_with("audit.jsonl")));
    assert!(outputs.iter().any(|(name, _)| name.ends_with("inventory/stripe.json")), "what was seen is kept");
    assert!(outputs.iter().any(|(name, text)| name.ends_with("stderr") && !text.is_empty()), "trace says something");
    for (name, text) in &outputs {
        for (what, bytes) in &forbidden {
            let at = find(text, bytes);
            assert!(at.is_none(), "{what} stands in {name}: …{}…", excerpt(text, at.unwrap_or(0)));
        }
    }
}

fn excerpt(text: &[u8], at: usize) -> String {
    let from = at.saturating_sub(200);
    String::from_utf8_lossy(&text[from..text.len().min(at + 100)]).into_owned()
}

/// Every file under the directory but those that the test put there.
fn written(directory: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                open.push(path);
            } else if !name.starts_with("secret-") && name != "tls.key" {
                found.push((path.display().to_string(), fs::read(&path).unwrap()));
            }
        }
    }
    found
}

#[test]
fn faults_of_a_configuration_do_not_quote_it() {
    let directory = tempfile::tempdir().unwrap();
    let text = format!(
        "[[listener]]\nbind = \"127.0.0.1:0\"\n[integration.a]\nprovider = \"stripe\"\npath = \"/a\"\nupstream = \"http://127.0.0.1:1/\"\n\
         secrets = [ {{ id = \"x\", value = \"{MARK}\" }}, \"{MARK}\", {{ id = \"{MARK} !\", env = 7 }} ]\nsecret = \"{MARK}\"\n"
    );
    fs::write(directory.path().join("hookward.toml"), text).unwrap();
    let output = hookward(directory.path()).args(["check", "--config", "hookward.toml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    for stream in [&output.stdout, &output.stderr] {
        assert!(find(stream, MARK.as_bytes()).is_none(), "{}", String::from_utf8_lossy(stream));
    }
}
