//! A scheme in plain English, for `hookward providers NAME`.

use super::certificate::CertificateRule;
use super::content;
use super::scheme::{
    Algorithm, Echoed, Evidence, HandshakeReply, HandshakeShape, HeaderLines, KeyDigest, KeyEncoding, Locator, OnRefusal, Part,
    Retries, Scheme, SignatureEncoding, SignatureFormat, TimestampPlace, TimestampUnit,
};
use super::subscription::{TOPIC_OPTION, TOPIC_OPTION_IS};
use crate::domain::size::format_duration;

/// One sentence about a scheme, under a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// What it is about: `signed`, `key`, `signature`, `window`, `event`, `delivery id`, `handshake`, `retries`, `trap` …
    pub topic: &'static str,
    /// The sentence.
    pub text: String,
}

/// Everything worth knowing about a scheme, in the order of reading.
#[must_use]
pub fn describe(scheme: &Scheme) -> Vec<Sentence> {
    let mut sentences = vec![
        sentence("signed", signed(scheme)),
        sentence("key", key(scheme)),
        sentence("signature", signature(scheme)),
        sentence("window", window(scheme)),
        sentence("event", places(scheme, &scheme.event, "No event type is known.")),
        sentence("delivery id", places(scheme, &scheme.delivery_id, "No delivery id is known.")),
        sentence("replay", replay(scheme)),
        sentence("retries", retries(scheme)),
    ];
    for (name, text) in &scheme.fixed_headers {
        sentences.push(sentence("signature", format!("{name} must say `{text}`; it is not signed.")));
    }
    if scheme.signs_url() {
        let text = "The URL is signed as the provider sees it: the integration needs public_url, and its query is forwarded.";
        sentences.push(sentence("url", text.to_owned()));
    }
    if scheme.content.contains(&Part::NoBody) {
        let text = "The query is forwarded. A request with a body is refused: nothing signed it.";
        sentences.push(sentence("body", text.to_owned()));
    }
    let option = |(name, what): &(String, String)| sentence("option", format!("Needs options.{name}: {what}."));
    sentences.extend(scheme.options.iter().map(option));
    if scheme.subscription.is_some() {
        sentences.push(sentence("option", format!("Takes options.{TOPIC_OPTION}: {TOPIC_OPTION_IS}.")));
    }
    sentences.extend(scheme.certificate.as_ref().map(|rule| sentence("key", certificates(rule))));
    if !scheme.carries_secrets.is_empty() {
        let places = scheme.carries_secrets.iter().map(|place| format!("`{place}`")).collect::<Vec<_>>().join(", ");
        sentences.push(sentence("secrets inside", format!("May stand in {places}: never log or store these.")));
    }
    sentences.extend(scheme.handshakes.iter().map(|one| sentence("handshake", handshake(&one.shape, &one.reply))));
    sentences.extend(scheme.signature.secret_header.as_ref().map(|name| sentence("handshake", handed_over(name))));
    sentences.extend(scheme.origin.traps.iter().map(|trap| sentence("trap", trap.clone())));
    sentences.push(sentence("evidence", evidence(scheme)));
    sentences
}

fn sentence(topic: &'static str, text: String) -> Sentence {
    Sentence { topic, text }
}

fn certificates(rule: &CertificateRule) -> String {
    let hosts: Vec<_> = rule.hosts().map(|host| format!("`{host}`")).collect();
    let named = place(&rule.place);
    format!(
        "The certificate is pinned as a file, or taken from a host by `certificates_from`: {}. {named} only says which.",
        hosts.join(" or ")
    )
}

fn handed_over(header: &http::HeaderName) -> String {
    format!(
        "The provider hands the secret over itself, in {header} of an unsigned POST, which is answered with the same header: \
         for a secret with `handshake = true`, once, after an operator armed it."
    )
}

fn signed(scheme: &Scheme) -> String {
    let template = content::texts(scheme).map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", or else ");
    if scheme.is_unsigned() {
        return "Nothing is signed: whoever knows the secret can send anything, and so can whoever captured one delivery."
            .to_owned();
    }
    let algorithm = scheme.signature.algorithm.code();
    let Some(token) = scheme.token() else {
        return format!("Signed is {template} with {algorithm}; {}.", of_body(scheme));
    };
    let claims = token.claims.iter().map(|claim| format!("{} = `{}`", claim.name, claim.value)).collect::<Vec<_>>().join(", ");
    if token.is_detached {
        let must = if claims.is_empty() { String::new() } else { format!(" that header must say {claims};") };
        return format!(
            "Signed is {template} with {algorithm}, the token being the header of a detached signature (RFC 7797);{must} \
             the body is the raw bytes as received."
        );
    }
    let body = if scheme.is_bearer() { ". The body is NOT signed: a captured token serves for any" } else { "" };
    format!("Signed is a JSON Web Token with {algorithm}, whatever its header says; its claims must say {claims}{body}.")
}

/// What of the body the content holds.
fn of_body(scheme: &Scheme) -> &'static str {
    let has = |is_one: fn(&Part) -> bool| scheme.content.iter().any(is_one);
    if has(|part| matches!(part, Part::NoBody)) {
        "no body may come"
    } else if has(|part| matches!(part, Part::Body | Part::BodyDigest { .. })) {
        "the body is the raw bytes as received"
    } else if has(|part| matches!(part, Part::CanonicalBody)) {
        "the body is its JSON in the one form of RFC 8785"
    } else if has(|part| matches!(part, Part::Compact(_))) {
        "of the body that member only, as received but for the white space between its tokens: whatever else it holds is NOT signed"
    } else if has(|part| matches!(part, Part::BodyCrc32)) {
        "of the raw body only its CRC-32, which is NOT enough to prove it"
    } else if has(|part| matches!(part, Part::SortedForm { .. } | Part::PhpForm | Part::SortedRequest(_))) {
        "of the body all fields of its form, decoded and sorted by name"
    } else {
        "of the body these fields only, decoded: whatever else it holds is NOT signed"
    }
}

fn key(scheme: &Scheme) -> String {
    let kind = match scheme.signature.algorithm {
        algorithm if algorithm.is_asymmetric() => "public key",
        Algorithm::Basic => "user and password, divided by a colon",
        _ => "shared secret",
    };
    let written = match scheme.signature.key_encoding {
        KeyEncoding::Utf8 => "as it stands, all its characters being the key",
        KeyEncoding::Hex => "in hex",
        KeyEncoding::Base64 => "in base64",
        KeyEncoding::Base64Url => "in URL-safe base64",
        KeyEncoding::Whsec => "in base64, behind an optional `whsec_` or `whpk_`",
        KeyEncoding::Pem => "as a PEM block, of a public key or a certificate",
        KeyEncoding::Jwks => {
            "as a JSON Web Key Set, in a file that you keep fresh or at a `url` that is fetched in the background"
        }
    };
    let form = &scheme.signature.key_form;
    let prefix = if form.prefix.is_empty() { String::new() } else { format!(" behind `{}`", form.prefix) };
    let digest = match form.digest {
        None => "",
        Some(KeyDigest::Sha1) => "; what signs is its SHA-1",
        Some(KeyDigest::Sha256) => "; what signs is its SHA-256",
    };
    let named = scheme.signature.key_id_header.as_ref().map(|name| format!("; {name} names it by the secret's key_id"));
    format!("The key is a {kind}, written {written}{prefix}{digest}{}.", named.unwrap_or_default())
}

fn signature(scheme: &Scheme) -> String {
    let rule = &scheme.signature;
    let encoding = match rule.encoding {
        SignatureEncoding::Hex => "lower-case hex",
        SignatureEncoding::HexUpper => "upper-case hex",
        SignatureEncoding::HexAnyCase => "hex of either case",
        SignatureEncoding::Plain if rule.algorithm == Algorithm::Basic => "base64",
        SignatureEncoding::Plain => "plain text",
        SignatureEncoding::Base64OfHex => "base64 of its lower-case hex",
        SignatureEncoding::Base64 => "base64",
        SignatureEncoding::Base64Url => "URL-safe base64 without padding",
    };
    let shape = match &rule.format {
        SignatureFormat::Prefixed { prefix } if prefix.is_empty() => String::new(),
        SignatureFormat::Prefixed { prefix } => format!(" behind `{prefix}`"),
        SignatureFormat::Joined { separator } => format!(", several divided by `{separator}`; any may match"),
        SignatureFormat::Pairs { separator, key, .. } => {
            format!(", each behind `{key}=`, divided by `{separator}`; any may match")
        }
        SignatureFormat::Versioned { version } => format!(", each behind `{version},`, divided by a space; any may match"),
        SignatureFormat::Json { member, key_member, .. } => {
            format!(" as `{member}` of a JSON object in base64, whose `{key_member}` names the key by the secret's key_id")
        }
        SignatureFormat::Named { separator, between } => {
            format!(
                ", each behind its key's id and `{between}`, divided by `{separator}`; the secret's key_id says which is ours"
            )
        }
        SignatureFormat::Token(rule) if rule.prefix.is_empty() => ", as the last part of the token".to_owned(),
        SignatureFormat::Token(rule) => format!(", as the last part of the token behind `{}`", rule.prefix),
    };
    let stands = match &rule.lines {
        HeaderLines::Once => place(&rule.place),
        HeaderLines::Repeated => format!("{}, on one line or several of which any may match,", place(&rule.place)),
        HeaderLines::Numbered(_) => format!("{} and the headers counted on from it, of which any may match,", place(&rule.place)),
        HeaderLines::Keyed { .. } => {
            let named = rule.headers().map(|(name, id)| format!("{name} for the key `{}`", id.unwrap_or_default()));
            format!("{},", named.collect::<Vec<_>>().join(" and "))
        }
    };
    format!("It stands in {stands} in {encoding}{shape}.")
}

/// A header's name alone, or another place with its word.
fn place(place: &Locator) -> String {
    match place {
        Locator::Header(name) => name.to_string(),
        other => other.to_string(),
    }
}

fn window(scheme: &Scheme) -> String {
    let Some(rule) = &scheme.timestamp else {
        return "No time is signed, so nothing proves freshness: only replay protection stands against a captured delivery."
            .to_owned();
    };
    let stands = match &rule.place {
        TimestampPlace::Header(name) => name.to_string(),
        TimestampPlace::SignatureField(field) => format!("field `{field}` of {}", place(&scheme.signature.place)),
        TimestampPlace::Json(pointer) => format!("json:{pointer} of the body"),
        TimestampPlace::Form(field @ Locator::Query(_)) => field.to_string(),
        TimestampPlace::Form(field) => format!("{field} of the body"),
        TimestampPlace::Claim(claim) => format!("`{claim}` of the token"),
    };
    let unit = match rule.unit {
        TimestampUnit::Seconds => "Unix seconds",
        TimestampUnit::Milliseconds => "Unix milliseconds",
        TimestampUnit::Rfc3339 | TimestampUnit::Rfc3339Utc => "RFC 3339",
    };
    let tolerance = rule.tolerance.map_or_else(
        || "the provider documents no tolerance, so 5m are taken".to_owned(),
        |tolerance| format!("{} are tolerated in both directions", format_duration(tolerance)),
    );
    format!("The signed time is in {stands}, in {unit}; {tolerance}.")
}

fn places(scheme: &Scheme, places: &[Locator], none: &str) -> String {
    if places.is_empty() {
        return none.to_owned();
    }
    let described = places.iter().map(|place| {
        let covered = if scheme.covers(place) { "signed" } else { "NOT signed" };
        format!("{place} ({covered})")
    });
    format!("Found at {}.", described.collect::<Vec<_>>().join(", else "))
}

fn replay(scheme: &Scheme) -> String {
    let answer = |on: OnRefusal| match on {
        OnRefusal::Reject => "refused",
        OnRefusal::Acknowledge => "acknowledged with 200",
    };
    // An id that nobody signed makes no key.
    let is_signed = scheme.delivery_id.first().is_some_and(|place| scheme.covers(place));
    let retried = if scheme.is_bearer() {
        "nothing signed tells two deliveries apart, so body and delivery id make the idempotency key, and replay protection is \
         best effort"
    } else if scheme.delivery_id_unique && is_signed {
        "the delivery id makes a stable idempotency key over retries"
    } else {
        "the signed bytes make the idempotency key"
    };
    format!(
        "A replay is {} and an event out of scope {} by default; {retried}.",
        answer(scheme.on_replay),
        answer(scheme.on_event_denied)
    )
}

fn retries(scheme: &Scheme) -> String {
    let again = match scheme.retries {
        Retries::Identical => "What was not taken is sent again with the same bytes and signature",
        Retries::Resigned => "What was not taken is sent again with a new time and signature",
        Retries::Manual => "What was not taken is sent again by hand only",
        Retries::Unknown => "Whether a retry has the same bytes and signature is not documented",
    };
    let deadline = scheme.deadline.map(|deadline| format!("; an answer is awaited for {}", format_duration(deadline)));
    format!("{again}{}.", deadline.unwrap_or_default())
}

fn handshake(shape: &HandshakeShape, reply: &HandshakeReply) -> String {
    let asked = match shape {
        HandshakeShape::Signed { field, equals } => format!("A signed delivery whose {field} is `{equals}`"),
        HandshakeShape::Unsigned { method, echoed: None, .. } => format!("An unsigned {method}"),
        HandshakeShape::Unsigned { method, echoed: Some(Echoed::Query(name)), .. } => {
            format!("An unsigned {method} with the query field `{name}`")
        }
        HandshakeShape::Unsigned { method, echoed: Some(Echoed::Header(name)), .. } => {
            format!("An unsigned {method} with the header {name}")
        }
    };
    let answered = match reply {
        HandshakeReply::Fixed { status, body, .. } if body.is_empty() => format!("{status}"),
        HandshakeReply::Fixed { status, body, .. } => format!("{status} and `{body}`"),
        HandshakeReply::EchoHeader { header } => format!("200 and its value in {header}"),
        HandshakeReply::EchoText { field: None } => "200 and the field's value".to_owned(),
        HandshakeReply::EchoText { field: Some(field) } => format!("200 and the text of {field}"),
        HandshakeReply::EchoJson { field: None, member } => format!("200 and its value as `{member}`"),
        HandshakeReply::EchoJson { field: Some(field), member } => format!("200 and {field} as `{member}`"),
        HandshakeReply::Sha256 { member, .. } => format!("200 and a SHA-256 of its value and options as `{member}`"),
        HandshakeReply::Mac { member, .. } => format!("200 and the MAC over its value as `{member}`"),
        HandshakeReply::NamedMac { separator, digits, .. } => format!(
            "200, the key's id, `{separator}` and the MAC over its value, if that is {} to {} digits of lower-case hex",
            digits.start(),
            digits.end()
        ),
    };
    format!("{asked} is answered with {answered}, and not forwarded.")
}

fn evidence(scheme: &Scheme) -> String {
    let origin = &scheme.origin;
    let proven = match origin.evidence {
        Evidence::Vector => "Proven by known answers",
        Evidence::Sdk => "Read in the provider's own SDK",
        Evidence::Document => "Read in the provider's documentation",
        Evidence::Secondary => "NOT proven: from others' words only",
        Evidence::Custom => return "Defined in the configuration.".to_owned(),
    };
    format!("{proven}, checked {}; see {}.", origin.checked, origin.docs)
}
