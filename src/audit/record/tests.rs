//! The lines as they stand in the file, letter by letter, and records for the tests of the room.

use super::*;
use crate::audit::chain::Link;

/// A delivery that was accepted.
pub(in crate::audit) fn accepted() -> RequestRecord {
    RequestRecord {
        at: UnixTime::from_micros(1_767_225_600_000_123),
        request_id: "01KDVDNC00041061050R3GG28A".parse().unwrap(),
        listener: "public".parse().unwrap(),
        integration: Some("payments".parse().unwrap()),
        provider: Some("stripe".parse().unwrap()),
        peer: Peer::Tcp("[2001:db8::1]:50123".parse().unwrap()),
        source: Source::new("203.0.113.9".parse().unwrap()),
        method: Some(Method::POST),
        path: Some("/webhooks/stripe".to_owned()),
        event: Some("invoice.paid".to_owned()),
        event_signed: Some(true),
        delivery_id: Some("evt_1".to_owned()),
        secret_id: Some("2026-q4".parse().unwrap()),
        signed_at: Some(UnixTime::from_seconds(1_767_225_599)),
        body_bytes: Some(1024),
        body_sha256: Some([0xab; 32]),
        reason: Reason::Delivered,
        status: 200,
        upstream_status: Some(204),
        tls: Some("1.3"),
        latency_us: 1500,
        verify_us: Some(12),
        upstream_us: Some(1200),
        replay_blind: false,
    }
}

/// A request that was refused early: most is unknown.
pub(in crate::audit) fn refused(reason: Reason) -> RequestRecord {
    RequestRecord {
        provider: None,
        event: None,
        event_signed: None,
        delivery_id: None,
        secret_id: None,
        signed_at: None,
        body_bytes: None,
        body_sha256: None,
        reason,
        status: 404,
        upstream_status: None,
        tls: None,
        verify_us: None,
        upstream_us: None,
        ..accepted()
    }
}

fn line(entry: &Entry) -> String {
    let mut out = String::new();
    entry.write(Head { seq: 41, hash: [0x0f; 32] }, &mut out);
    out
}

#[test]
fn every_kind_of_line_is_as_the_interface_says() {
    let at = UnixTime::from_seconds(1_767_225_600);
    let mut blind = refused(Reason::UnknownRoute);
    blind.integration = None;
    blind.peer = Peer::Unix;
    blind.source = Source::Unix;
    blind.replay_blind = true;
    let sighting = |seconds| Sighting { at: UnixTime::from_seconds(seconds), source: Source::Unix };
    let folded = Folded { integration: None, reason: Reason::Plaintext, count: 90, first: sighting(1), last: sighting(2) };
    let config = Note::Config { applied: false, integrations: 3, faults: 2 };
    let switch = |action| Note::Switch {
        action,
        integration: Some("payments".parse().unwrap()),
        secret_id: None,
        reason: "key \u{202e}leak".to_owned(),
        until: Some(UnixTime::from_seconds(1_767_232_800)),
        origin: None,
    };
    let request_id = "01KDVDNC00041061050R3GG28A".parse().unwrap();
    let entries = [
        Entry::Request(Box::new(accepted())),
        Entry::Request(Box::new(blind)),
        Entry::Folded(at, folded),
        Entry::Note(at, config),
        Entry::Note(at, switch(SwitchAction::Disable)),
        Entry::Note(at, switch(SwitchAction::Enable)),
        Entry::Note(at, switch(SwitchAction::AllowAgain(request_id))),
        Entry::Start(at, None),
        Entry::Start(at, Some(Recovery { prev_record: None })),
        Entry::Start(at, Some(Recovery { prev_record: Some([0xcd; 32]) })),
        Entry::Stop(at),
    ];
    let lines: Vec<String> = entries.iter().map(line).collect();
    let golden = include_str!("golden.jsonl").replace("VERSION", env!("CARGO_PKG_VERSION"));
    assert_eq!(lines.join("\n") + "\n", golden);
    for line in lines {
        let link = Link::parse(line.as_bytes()).unwrap();
        assert_eq!((link.seq, link.prev), (42, [0x0f; 32]), "{line}");
    }
}

#[test]
fn what_a_sender_chose_is_cut_and_stays_one_line() {
    let mut record = accepted();
    record.path = Some(format!("/{}\n\u{1b}[2J", "é".repeat(10_000)));
    record.event = Some("\u{202e}\r\n{\"seq\":1}".to_owned());
    record.delivery_id = Some("\"},{\"".repeat(1000));
    record.trim();
    assert!(
        [record.path.as_ref().unwrap(), record.event.as_ref().unwrap(), record.delivery_id.as_ref().unwrap()]
            .iter()
            .all(|text| text.capacity() <= 256)
    );
    let line = line(&Entry::Request(Box::new(record)));
    assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line}");
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(value["path"].as_str().unwrap().len(), 255);
    assert_eq!((value["delivery_id"].as_str().unwrap().len(), &value["seq"]), (256, &42.into()));
}
