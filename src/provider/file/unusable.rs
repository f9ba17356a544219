//! Schemes that hold together and could verify nothing, or whose challenge could not be answered.
//!
//! 1. A header is the provider's own: none that belongs to the connection or its framing, none that hookward sets. One whose name
//!    holds an underscore may be verified, and is dropped behind that like every such name.
//! 2. A token's algorithm has a name in RFC 7518, and its signature is URL-safe base64 without padding.
//! 3. A challenge that wants a MAC needs an algorithm that makes one, and one that wants its key's id keys that have some.
//! 4. Where anybody may ask for a MAC over letters, digits, '-' and '_', deliveries are told from these by a character that
//!    they all hold; else every one of them would be refused as what a stranger could have had signed here.
//! 5. A fixed answer's content type is a media type.

use http::HeaderName;

use super::fault_at;
use crate::document::Table;
use crate::provider::handshake::may_stand_in_challenge;
use crate::provider::scheme::{
    Algorithm, BodyDigest, HandshakeReply, HandshakeShape, Locator, Part, Scheme, SignatureEncoding, TimestampUnit,
};

/// Headers of the connection and of framing.
const NOT_THE_PROVIDERS: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Reports what could never work.
pub(super) fn report(scheme: &Scheme, table: &Table<'_>) {
    headers(scheme, table);
    token(scheme, table);
    handshakes(scheme, table);
}

fn headers(scheme: &Scheme, table: &Table<'_>) {
    let in_place = |place: &Locator| match place {
        Locator::Header(name) => Some(name.clone()),
        _ => None,
    };
    let keys: [(&str, Vec<HeaderName>); 8] = [
        ("signature", scheme.signature.headers().map(|(name, _)| name.clone()).collect()),
        ("secret", scheme.signature.key_id_header.iter().chain(&scheme.signature.secret_header).cloned().collect()),
        ("timestamp", of_parts(scheme, |part| matches!(part, Part::Timestamp))),
        ("id", of_parts(scheme, |part| matches!(part, Part::Id))),
        ("content", of_parts(scheme, |part| matches!(part, Part::Header(_) | Part::NamedHeaders(_)))),
        ("fixed_headers", scheme.fixed_headers.iter().map(|(name, _)| name.clone()).collect()),
        ("event", scheme.event.iter().filter_map(in_place).collect()),
        ("delivery_id", scheme.delivery_id.iter().filter_map(in_place).collect()),
    ];
    for (key, names) in keys {
        if let Some(name) = names.iter().find(|name| is_not_the_providers(name)) {
            let reason = format!("names {name}, which is the connection's or hookward's own");
            fault_at(table, key, reason, "name a header that only the provider sets");
        }
    }
}

fn of_parts(scheme: &Scheme, is_one: impl Fn(&Part) -> bool) -> Vec<HeaderName> {
    scheme.content.iter().filter(|part| is_one(part)).filter_map(|part| scheme.header_of(part)).cloned().collect()
}

fn is_not_the_providers(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("hookward-") || NOT_THE_PROVIDERS.contains(&name)
}

fn token(scheme: &Scheme, table: &Table<'_>) {
    if scheme.token().is_none() {
        return;
    }
    let has_name = matches!(
        scheme.signature.algorithm,
        Algorithm::HmacSha256
            | Algorithm::HmacSha512
            | Algorithm::EcdsaP256
            | Algorithm::RsaSha256
            | Algorithm::RsaSha512
            | Algorithm::RsaPssSha512
            | Algorithm::Ed25519
    );
    if !has_name {
        let reason = format!("is a token's, and no token is signed with {}", scheme.signature.algorithm.code());
        fault_at(table, "signature", reason, "");
    } else if scheme.signature.encoding != SignatureEncoding::Base64Url {
        fault_at(table, "signature", "is a token's, whose encoding is base64url", "leave encoding out");
    }
}

fn handshakes(scheme: &Scheme, table: &Table<'_>) {
    for handshake in &scheme.handshakes {
        match &handshake.reply {
            HandshakeReply::Mac { .. } | HandshakeReply::NamedMac { .. } if !makes_macs(scheme.signature.algorithm) => {
                let reason = format!("is answered with a MAC, and no key of {} makes one", scheme.signature.algorithm.code());
                fault_at(table, "handshake", reason, "");
            }
            HandshakeReply::NamedMac { .. } if !scheme.signature.names_keys() => {
                fault_at(table, "handshake", "is answered with the id of a key, and no key of the scheme has one", "");
            }
            HandshakeReply::Mac { .. } | HandshakeReply::Sha256 { .. }
                if matches!(handshake.shape, HandshakeShape::Unsigned { .. }) && is_always_a_challenge(scheme) =>
            {
                let reason = "makes for anybody what the content of a delivery could be: every delivery would be refused";
                fault_at(table, "handshake", reason, "sign {body}, or fixed text with another character than a letter or digit");
            }
            HandshakeReply::Fixed { content_type: Some(text), .. } if !is_media_type(text) => {
                fault_at(table, "handshake", "has a content_type that is no media type", "such as \"application/json\"");
            }
            _ => {}
        }
    }
}

const fn makes_macs(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::HmacSha1 | Algorithm::HmacSha256 | Algorithm::HmacSha512)
}

/// Whether no part of the content can hold a character that a challenge's value cannot.
fn is_always_a_challenge(scheme: &Scheme) -> bool {
    let is_date =
        scheme.timestamp.as_ref().is_some_and(|rule| matches!(rule.unit, TimestampUnit::Rfc3339 | TimestampUnit::Rfc3339Utc));
    scheme.content.iter().all(|part| match part {
        Part::Literal(text) => may_stand_in_challenge(text),
        Part::Timestamp => !is_date,
        Part::BodyDigest { digest: BodyDigest::Sha256Hex, .. } | Part::BodyCrc32 | Part::Method | Part::Secret => true,
        _ => false,
    })
}

fn is_media_type(text: &str) -> bool {
    let (kind, rest) = text.split_once('/').unwrap_or_default();
    !kind.is_empty() && !rest.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Faults};
    use crate::provider::scheme::Evidence;

    const SIGNED: &str = "content = '{body}'\nsignature = { header = 'X-S', algorithm = 'hmac-sha256', encoding = 'hex' }\n";
    const TOKEN: &str = "signature = { header = 'X-T', algorithm = 'hmac-sha256', format = 'jwt' }\n";
    const ASKED: &str = "[[handshake]]\nmethod = 'GET'\necho = 'a'\nreply = { hmac = 'value', member = 'm', encoding = 'hex' }\n";

    fn faults(text: &str) -> Vec<String> {
        let faults = Faults::default();
        let document = Document::new("f.toml", text);
        let _ = document.read(&faults, |table| Scheme::read(&"acme".parse().unwrap(), table, Some(Evidence::Custom)));
        faults.into_sorted().iter().map(|fault| format!("{}:{}: {}", fault.place.line, fault.key, fault.reason)).collect()
    }

    #[test]
    fn headers_of_the_connection_and_of_ours_are_no_places() {
        let told = |line: usize, key: &str, name: &str| {
            vec![format!("{line}:{key}: names {name}, which is the connection's or hookward's own")]
        };
        for name in ["Connection", "Hookward-Signature", "Content-Length", "Host", "Transfer-Encoding"] {
            let text = SIGNED.replace("X-S", name);
            assert_eq!(faults(&text), told(2, "signature", &name.to_lowercase()), "{name}");
        }
        let more = [
            ("event = 'header:TE'", "event", "te"),
            ("fixed_headers = { Host = 'a' }", "fixed_headers", "host"),
            ("delivery_id = ['json:/id', 'header:Hookward-Id']", "delivery_id", "hookward-id"),
            ("secret = { encoding = 'utf8', key_id = 'Host' }", "secret", "host"),
        ];
        for (line, key, name) in more {
            assert_eq!(faults(&format!("{SIGNED}{line}")), told(3, key, name));
        }
        assert_eq!(faults(&SIGNED.replace("{body}", "{header:Upgrade}.{body}")), told(1, "content", "upgrade"));
        for fine in ["header:Content-Type", "header:X_Event"] {
            assert_eq!(faults(&format!("{SIGNED}event = '{fine}'")), Vec::<String>::new());
        }
    }

    #[test]
    fn tokens_have_algorithms_that_tokens_have() {
        assert_eq!(faults(TOKEN), Vec::<String>::new());
        for algorithm in ["hmac-sha1", "rsa-pkcs1-sha1", "ecdsa-p256-sha1"] {
            let expected = format!("1:signature: is a token's, and no token is signed with {algorithm}");
            assert_eq!(faults(&TOKEN.replace("hmac-sha256", algorithm)), [expected]);
        }
        let hex = TOKEN.replace(" }", ", encoding = 'hex' }");
        assert_eq!(faults(&hex), ["1:signature: is a token's, whose encoding is base64url"]);
    }

    #[test]
    fn challenges_can_be_answered_and_leave_deliveries_alone() {
        assert_eq!(faults(&format!("{SIGNED}{ASKED}")), Vec::<String>::new());
        let ed25519 = format!("{SIGNED}{ASKED}").replace("hmac-sha256", "ed25519");
        assert_eq!(faults(&ed25519), ["3:handshake: is answered with a MAC, and no key of ed25519 makes one"]);
        let named = ASKED.replace("member = 'm'", "named = '|', digits = [20, 32]");
        let unnamed = "3:handshake: is answered with the id of a key, and no key of the scheme has one";
        assert_eq!(faults(&format!("{SIGNED}{named}")), [unnamed]);
        let of_keys = SIGNED.replace("encoding", "format = 'named', encoding");
        assert_eq!(faults(&format!("{of_keys}{named}")), Vec::<String>::new());
        for digits in ["[20]", "[32, 20]", "[1, 20]", "[20, 64]"] {
            let text = format!("{of_keys}{}", named.replace("[20, 32]", digits));
            assert!(!faults(&text).is_empty(), "{digits}");
        }
        let always = "3:handshake: makes for anybody what the content of a delivery could be: every delivery would be refused";
        for content in ["{sha256:body}", "v1-{sha256:body}", "{method}-{sha256:body}"] {
            assert_eq!(faults(&format!("{SIGNED}{ASKED}").replace("{body}", content)), [always], "{content}");
        }
        for content in ["v1:{sha256:body}", "{method}\\n{sha256:body}", "{body}"] {
            let text = format!("{SIGNED}{ASKED}").replace("'{body}'", &format!("\"{content}\""));
            assert_eq!(faults(&text), Vec::<String>::new(), "{content}");
        }
        let page = format!(
            "{SIGNED}[[handshake]]\nfield = 'json:/a'\nequals = 'x'\nreply = {{ status = 200, content_type = \"a/b\\n\", body = 'x' }}"
        );
        assert_eq!(faults(&page), ["3:handshake: has a content_type that is no media type"]);
    }
}
