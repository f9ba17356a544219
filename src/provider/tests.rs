//! The catalogue as a whole.

use super::*;

#[test]
fn every_file_of_the_folder_is_a_preset() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/provider/presets");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let expected: std::collections::BTreeSet<String> = files.map(|file| file.strip_suffix(".toml").unwrap().to_owned()).collect();
    let names: Vec<&str> = Catalogue::builtin().iter().map(|scheme| scheme.name.as_str()).collect();
    assert_eq!(names, expected.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn a_custom_scheme_joins_the_catalogue_and_leaves_the_builtin_one_alone() {
    let mut custom = Scheme::clone(&Catalogue::builtin().get("github").unwrap());
    custom.name = "acme".parse().unwrap();
    let joined = Catalogue::builtin().with_custom(vec![custom]);
    assert_eq!(joined.get("acme").unwrap().title, "GitHub");
    assert_eq!(joined.iter().count(), Catalogue::builtin().iter().count() + 1);
    assert!(Catalogue::builtin().get("acme").is_none());
}

#[test]
fn presets_cover_what_their_content_holds() {
    let covers = |name: &str, place: &str| Catalogue::builtin().get(name).unwrap().covers(&place.parse().unwrap());
    let cases = [
        ("github", "json:/action", true),
        ("github", "header:X-GitHub-Event", false),
        ("github", "header:X-Hub-Signature-256", false),
        ("slack", "header:X-Slack-Request-Timestamp", true),
        ("slack", "form:payload#/type", true),
        ("standard-webhooks", "header:webhook-id", true),
        ("standard-webhooks", "header:svix-id", false),
        ("shopify", "header:X-Shopify-Webhook-Id", false),
    ];
    for (name, place, covered) in cases {
        assert_eq!(covers(name, place), covered, "{name} {place}");
    }
    let names: Vec<String> =
        Catalogue::builtin().get("standard-webhooks").unwrap().header_names().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["webhook-signature", "webhook-id", "webhook-timestamp"]);
}

#[test]
fn retries_deadlines_and_defaults_are_the_providers() {
    let scheme = |name: &str| Catalogue::builtin().get(name).unwrap();
    assert_eq!(scheme("shopify").on_replay, scheme::OnRefusal::Acknowledge);
    assert_eq!(scheme("shopify").on_event_denied, scheme::OnRefusal::Acknowledge);
    assert_eq!(scheme("github").on_replay, scheme::OnRefusal::Reject);
    assert_eq!(scheme("github").max_body.unwrap().0, 25 << 20);
    let tolerance = |name: &str| scheme(name).documented_tolerance().map(|tolerance| tolerance.as_secs());
    assert_eq!([tolerance("stripe"), tolerance("slack"), tolerance("standard-webhooks")], [Some(300); 3]);
    assert_eq!([tolerance("github"), tolerance("discord")], [None; 2]);
}

#[test]
fn every_preset_is_described_in_full_sentences() {
    for scheme in Catalogue::builtin().iter() {
        let sentences = describe::describe(scheme);
        assert!(sentences.iter().all(|sentence| sentence.text.ends_with('.') && !sentence.text.contains("  ")), "{sentences:?}");
        let topics: Vec<&str> = sentences.iter().map(|sentence| sentence.topic).collect();
        assert_eq!(topics[..4], ["signed", "key", "signature", "window"]);
        assert_eq!(topics.last(), Some(&"evidence"));
    }
    let slack = describe::describe(&Catalogue::builtin().get("slack").unwrap());
    let texts: Vec<&str> = slack.iter().map(|sentence| sentence.text.as_str()).collect();
    assert_eq!(texts[0], "Signed is `v0:{timestamp}:{body}` with hmac-sha256; the body is the raw bytes as received.");
    assert_eq!(texts[2], "It stands in x-slack-signature in lower-case hex behind `v0=`.");
    let window = "The signed time is in x-slack-request-timestamp, in Unix seconds; 5m are tolerated in both directions.";
    assert_eq!(texts[3], window);
}

/// The contract: where one token serves many deliveries the preset says that replay protection is best effort.
#[test]
fn what_is_said_of_bodies_ids_and_replays_is_so() {
    for scheme in Catalogue::builtin().iter() {
        let sentences = describe::describe(scheme);
        let of = |topic: &str| sentences.iter().find(|sentence| sentence.topic == topic).unwrap().text.as_str();
        assert_eq!(of("replay").contains("best effort"), scheme.is_bearer(), "{}", scheme.name);
        let is_stable = scheme.delivery_id_unique && scheme.delivery_id.iter().any(|place| scheme.covers(place));
        assert_eq!(of("replay").contains("stable idempotency key"), is_stable && !scheme.is_bearer(), "{}", scheme.name);
        let is_whole = scheme.content.iter().any(|part| matches!(part, scheme::Part::Body | scheme::Part::BodyDigest { .. }));
        assert_eq!(of("signed").contains("raw bytes as received"), is_whole, "{}: {}", scheme.name, of("signed"));
    }
}
