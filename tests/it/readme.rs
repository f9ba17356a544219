//! README.md: what it tells a newcomer to write and to type works as it stands there.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;

use crate::support::certificate::Certificate;
use crate::support::gateway::{hookward, hookward_output};
use crate::support::provider::Provider;

const README: &str = include_str!("../../README.md");

/// The blocks of a language, in order.
fn blocks(language: &str) -> Vec<&'static str> {
    let begin = format!("```{language}\n");
    let blocks = README.split(begin.as_str()).skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap()).collect()
}

/// What stands in the environment of a newcomer who followed the README.
fn environment() -> Vec<(&'static str, String)> {
    let secret = |provider: Provider| provider.secret("current").configured;
    let public = discord_key().verifying_key().to_bytes();
    vec![
        ("STRIPE_SECRET", secret(Provider::Stripe)),
        ("GITHUB_SECRET", secret(Provider::Github)),
        ("SHOPIFY_SECRET", secret(Provider::Shopify)),
        ("SLACK_SECRET", secret(Provider::Slack)),
        ("ORDERS_SECRET", secret(Provider::StandardWebhooks)),
        ("DISCORD_PUBLIC_KEY", data_encoding::HEXLOWER.encode(&public)),
    ]
}

fn discord_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// A directory with the README's configuration, whole, and the files it names.
fn followed() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    let configuration = blocks("toml");
    assert!(configuration.len() >= 8, "{configuration:?}");
    write("hookward.toml", &configuration.join("\n"));
    write("tls.crt", &Certificate::shared().cert_pem);
    write("tls.key", &Certificate::shared().key_pem);
    write("discord.pem", &discord_key().to_pkcs8_pem(LineEnding::LF).unwrap());
    directory
}

#[track_caller]
fn succeeds(output: &Output) -> String {
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", said(&output.stdout), said(&output.stderr));
    said(&output.stdout)
}

/// A line, typed as it stands, where the binary is on the path.
fn typed(directory: &Path, line: &str) -> Output {
    let binary = Path::new(env!("CARGO_BIN_EXE_hookward")).parent().unwrap().display().to_string();
    let path = format!("{binary}:{}", std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(directory).env("PATH", path).env_remove("HOOKWARD_CONFIG").stdin(Stdio::null());
    shell.envs(environment()).output().unwrap()
}

#[test]
fn its_configuration_is_sound() {
    let directory = followed();
    let checked = hookward(directory.path()).arg("check").envs(environment()).output().unwrap();
    assert!(succeeds(&checked).contains("6 integrations"), "{checked:?}");
}

/// The ten lines of a provider of one's own, an integration that says its name, and a delivery that nobody here signed.
#[test]
fn its_provider_of_ones_own_verifies_what_that_signs() {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let directory = followed();
    let file = directory.path().join("hookward.toml");
    let integration = "\n[integration.own]\nprovider = \"acme\"\npath = \"/webhooks/acme\"\nupstream = \"http://127.0.0.1:3000/\"\n\
                       secrets = [ { id = \"now\", env = \"STRIPE_SECRET\" } ]\n";
    fs::write(&file, fs::read_to_string(&file).unwrap() + integration).unwrap();
    let (body, at) = (r#"{"type":"a.b","id":"1"}"#, crate::support::unix_now());
    let secret = Provider::Stripe.secret("current").configured;
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at}.{body}").as_bytes());
    let signature = data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes());
    let request = |body: &str| {
        let head = format!("X-Acme-Signature: sha256={signature}\r\nX-Acme-Timestamp: {at}\r\nHost: localhost\r\n");
        fs::write(directory.path().join("request.http"), format!("POST /webhooks/acme HTTP/1.1\r\n{head}\r\n{body}")).unwrap();
        let line = "hookward verify --config hookward.toml --integration own --request request.http";
        typed(directory.path(), line)
    };
    let said = succeeds(&request(body));
    assert!(said.contains("a.b") && said.contains("accepted"), "{said}");
    let refused = request(&body.replace("a.b", "a.c"));
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    // As the chapter says: a time that is not signed proves nothing.
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("\"{timestamp}.{body}\""));
    fs::write(&file, text.replace("\"{timestamp}.{body}\"", "\"{body}\"")).unwrap();
    let checked = hookward(directory.path()).arg("check").envs(environment()).output().unwrap();
    assert_eq!(checked.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&checked.stdout).contains("provider.acme.timestamp: is not signed, so it proves no freshness")
    );
}

#[test]
fn its_signed_requests_are_deliveries_of_its_integrations() {
    let directory = followed();
    let names = ["payments", "ci", "shop", "chat", "orders", "bot"];
    let shell = blocks("sh").concat();
    for line in shell.lines().filter(|line| line.starts_with("echo ")) {
        succeeds(&typed(directory.path(), line));
    }
    let signing = shell.lines().filter(|line| line.starts_with("hookward sign ")).collect::<Vec<_>>();
    assert_eq!(signing.len(), names.len(), "{signing:?}");
    for (line, name) in signing.into_iter().zip(names) {
        assert!(succeeds(&typed(directory.path(), line)).starts_with("curl "), "{line}");
        let capture = typed(directory.path(), &line.replace("--output curl", "--output http > request.http"));
        succeeds(&capture);
        let judged = format!("hookward verify --integration {name} --request request.http");
        assert!(succeeds(&typed(directory.path(), &judged)).contains("accepted"), "{line}");
    }
}

#[test]
fn every_verb_and_option_it_names_exists() {
    let directory = tempfile::tempdir().unwrap();
    for span in README.split('`').skip(1).step_by(2).filter_map(|span| span.strip_prefix("hookward ")) {
        let words = span.split_whitespace().collect::<Vec<_>>();
        let is_verb = |word: &str| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') && !word.starts_with('-');
        let verb = words.iter().copied().take_while(|word| is_verb(word));
        let help = succeeds(&hookward_output(directory.path(), &verb.chain(["--help"]).collect::<Vec<_>>()));
        for option in words.iter().filter(|word| word.starts_with("--")) {
            assert!(help.contains(option), "hookward {span}: no {option}");
        }
    }
}
