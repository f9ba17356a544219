//! The writer with its handle: chain, restart, crash, shortage of space, full queues.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc;

use serde_json::Value;

use super::*;
use crate::audit::auditor::{Auditor, DELIVERY_PLACES, NOTE_PLACES, REFUSAL_PLACES};
use crate::audit::checkpoint::{Purpose, Signer};
use crate::audit::error::AuditUnavailable;
use crate::audit::record::Note;
use crate::audit::record::tests::{accepted, refused};
use crate::audit::sink::head;
use crate::audit::spec::{AuditOutput, OnAuditFailure};
use crate::audit::verify::{Anchor, verify_files, verify_signed};
use crate::domain::reason::Reason;
use crate::domain::secret::SecretBytes;
use crate::domain::time::UnixTime;

struct Room {
    dir: tempfile::TempDir,
    spec: AuditSpec,
    clock: Clock,
}

impl Room {
    fn new(on_failure: OnAuditFailure) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let output = AuditOutput::File(dir.path().join("audit.jsonl"));
        let spec = AuditSpec { output, max_size_bytes: 1 << 30, keep: 16, on_failure, signing_key: None };
        Self { dir, spec, clock: Clock::manual(UnixTime::from_seconds(1_767_225_600)) }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("audit.jsonl")
    }

    fn start(&self) -> Auditor {
        Auditor::start(&self.spec, self.dir.path(), self.clock.clone()).unwrap()
    }

    /// A handle and a writer without a thread, so that a test decides when it works and what space it has.
    fn stopped(&self) -> (Auditor, Writer, Arc<AtomicUsize>) {
        let shared = Arc::new(Shared::new(self.spec.on_failure));
        let (queue, messages) = mpsc::channel();
        let clock = self.clock.clone();
        let mut writer = Writer::open(&self.spec, self.dir.path(), clock, Arc::clone(&shared), messages).unwrap();
        let space = Arc::new(AtomicUsize::new(usize::MAX));
        let Sink::File(file) = &mut writer.sink else { panic!("the output is a file") };
        file.space = Some(Arc::clone(&space));
        (Auditor::from_parts(shared, queue), writer, space)
    }

    fn lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.file()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn kinds(&self) -> Vec<String> {
        self.lines().iter().map(|line| line["kind"].as_str().unwrap().to_owned()).collect()
    }

    /// The chain over all files is whole and reaches the remembered head.
    fn assert_proven(&self, lines: u64) {
        let mut files = vec![self.file()];
        files.extend((1..=self.spec.keep).map(|age| self.dir.path().join(format!("audit.jsonl.{age}"))));
        files.retain(|file| file.exists());
        let anchor = Anchor::from_state_dir(self.dir.path()).unwrap();
        let report = verify_files(&files, anchor).unwrap();
        assert_eq!((report.problem, report.lines, report.tail_proven), (None, lines, true));
    }
}

fn shut(auditor: &Auditor) -> Result<(), AuditError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(auditor.shutdown())
}

fn count(folded: &[Value], reason: Reason) -> u64 {
    let of_reason = folded.iter().filter(|line| line["kind"] == "folded" && line["reason"] == reason.code());
    of_reason.map(|line| line["count"].as_u64().unwrap()).sum()
}

#[test]
fn the_chain_goes_on_over_restarts_and_rotation() {
    let mut room = Room::new(OnAuditFailure::Refuse);
    room.spec.max_size_bytes = 900;
    for run in 1..=3_u64 {
        let auditor = room.start();
        auditor.reserve().unwrap().write(accepted());
        auditor.note(UnixTime::from_seconds(0), Note::Config { applied: true, integrations: 1, faults: 0 });
        drop(auditor.reserve().unwrap());
        shut(&auditor).unwrap();
        assert!(auditor.is_healthy() && auditor.errors() == 0);
        room.assert_proven(run * 4);
    }
    assert!(room.dir.path().join("audit.jsonl.1").exists());
}

fn signer() -> Signer {
    Signer::parse(&SecretBytes::new("07".repeat(32).into_bytes())).unwrap()
}

#[test]
fn a_sync_runs_beside_the_writing_and_what_comes_meanwhile_belongs_to_the_next() {
    let room = Room::new(OnAuditFailure::Refuse);
    let (auditor, mut writer, _) = room.stopped();
    let remembered = || head::load(room.dir.path()).unwrap().unwrap();
    auditor.reserve().unwrap().write(accepted());
    writer.take_queued();
    assert!(writer.work(true) && writer.syncer.is_busy());
    let ordered = writer.head;
    auditor.reserve().unwrap().write(accepted());
    writer.take_queued();
    // While one is under way no other begins; the lines are written all the same.
    assert!(writer.work(true));
    assert_eq!(room.lines().len(), 3);
    let outcome = writer.syncer.wait().unwrap();
    assert!(outcome.synced.is_ok() && outcome.remembered.is_ok());
    // The first may have ended before the second was asked for.
    assert!([ordered, writer.head].contains(&remembered()));
    assert!(writer.complete() && !writer.syncer.is_busy());
    assert_eq!((remembered(), writer.head.seq), (writer.head, 3));
    room.assert_proven(3);
}

#[test]
fn a_sync_that_failed_is_a_failure_and_the_next_one_is_waited_for() {
    let room = Room::new(OnAuditFailure::Refuse);
    let (auditor, mut writer, _) = room.stopped();
    // What cannot be synced: a pipe.
    let (pipe, _end) = io::pipe().unwrap();
    let pipe = fs::File::from(std::os::fd::OwnedFd::from(pipe));
    let before = head::load(room.dir.path()).unwrap();
    assert!(writer.syncer.begin(pipe, &writer.head_file, Head { seq: 77, hash: [7; 32] }));
    assert!(!writer.complete() && !auditor.is_healthy() && auditor.errors() == 1);
    assert_eq!(head::load(room.dir.path()).unwrap(), before, "what is not on disk is not remembered");
    assert!(writer.work(false) && auditor.is_healthy() && !writer.syncer.is_busy());
    room.assert_proven(1);
}

#[test]
fn with_a_key_everything_is_signed_within_a_second_after_a_rotation_and_at_the_end() {
    let mut room = Room::new(OnAuditFailure::Refuse);
    room.spec.max_size_bytes = 2000;
    let (auditor, mut writer, _) = room.stopped();
    auditor.sign_with(Some(signer()));
    auditor.reserve().unwrap().write(accepted());
    writer.take_queued();
    writer.seal(Purpose::Interval);
    assert!(writer.complete());
    writer.seal(Purpose::Interval);
    assert!(writer.waiting.is_empty(), "nothing new is nothing to sign");
    for _ in 0..3 {
        auditor.reserve().unwrap().write(accepted());
    }
    drop(auditor);
    writer.run();
    let rotated = fs::read_to_string(room.dir.path().join("audit.jsonl.1")).unwrap();
    let lines: Vec<Value> = rotated.lines().map(|line| serde_json::from_str(line).unwrap()).chain(room.lines()).collect();
    let kinds: Vec<_> = lines.iter().map(|line| (line["kind"].as_str().unwrap(), line["purpose"].as_str())).collect();
    assert_eq!(kinds[..3], [("start", None), ("request", None), ("checkpoint", Some("interval"))], "{kinds:?}");
    assert_eq!(kinds[kinds.len() - 2..], [("stop", None), ("checkpoint", Some("stop"))], "{kinds:?}");
    let files = [room.file(), room.dir.path().join("audit.jsonl.1")];
    let report = verify_signed(&files, None, &[signer().public_key()], true).unwrap();
    assert_eq!((report.problem, report.lines), (None, kinds.len() as u64));
}

#[test]
fn a_rotation_is_followed_by_a_checkpoint() {
    let mut room = Room::new(OnAuditFailure::Refuse);
    room.spec.max_size_bytes = 900;
    let auditor = room.start();
    auditor.sign_with(Some(signer()));
    for _ in 0..4 {
        auditor.reserve().unwrap().write(accepted());
        while auditor.waits() {
            thread::yield_now();
        }
    }
    shut(&auditor).unwrap();
    let files = (1..=16).map(|age| room.dir.path().join(format!("audit.jsonl.{age}"))).filter(|file| file.exists());
    let text: String = files.map(|file| fs::read_to_string(file).unwrap()).collect();
    assert!(text.contains("\"purpose\":\"rotation\""), "{text}");
}

#[test]
fn a_second_process_is_refused_and_the_lock_ends_with_the_writer() {
    let room = Room::new(OnAuditFailure::Refuse);
    let auditor = room.start();
    let second = Auditor::start(&room.spec, room.dir.path(), room.clock.clone());
    assert!(matches!(second, Err(AuditError::Locked { .. })));
    shut(&auditor).unwrap();
    shut(&auditor).unwrap();
    auditor.reserve().unwrap().write(accepted());
    assert_eq!((auditor.errors(), auditor.is_healthy()), (1, false), "a record after the end is counted as lost");
    shut(&room.start()).unwrap();
    assert_eq!(room.kinds(), ["start", "stop", "start", "stop"]);
}

#[test]
fn a_torn_line_is_closed_and_the_chain_is_whole() {
    for torn in ["{\"ts\":\"2026", "\u{0}\u{0}\u{0}", "{\"ts\":\"x\ny"] {
        let room = Room::new(OnAuditFailure::Refuse);
        shut(&room.start()).unwrap();
        let before = fs::read_to_string(room.file()).unwrap();
        fs::write(room.file(), format!("{before}{torn}")).unwrap();
        shut(&room.start()).unwrap();
        let after = fs::read_to_string(room.file()).unwrap();
        assert!(after.starts_with(&format!("{before}{torn}\n")));
        assert!(after.lines().any(|line| line.contains("\"recovered\":true,\"prev_record\":\"")), "{after}");
        room.assert_proven(4);
    }
}

#[test]
fn a_line_that_lacks_only_its_newline_is_whole() {
    let room = Room::new(OnAuditFailure::Refuse);
    shut(&room.start()).unwrap();
    let before = fs::read_to_string(room.file()).unwrap();
    fs::write(room.file(), before.trim_end()).unwrap();
    shut(&room.start()).unwrap();
    assert_eq!(room.lines()[2]["recovered"], true);
    room.assert_proven(4);
}

#[test]
fn a_first_line_that_is_torn_is_closed_too() {
    let room = Room::new(OnAuditFailure::Refuse);
    fs::write(room.file(), "{\"ts\":\"20").unwrap();
    shut(&room.start()).unwrap();
    room.assert_proven(2);
}

#[test]
fn a_tail_cut_between_two_runs_stays_visible() {
    let room = Room::new(OnAuditFailure::Refuse);
    let auditor = room.start();
    auditor.reserve().unwrap().write(accepted());
    shut(&auditor).unwrap();
    let text = fs::read_to_string(room.file()).unwrap();
    let (first, _) = text.split_once('\n').unwrap();
    fs::write(room.file(), format!("{first}\n")).unwrap();
    shut(&room.start()).unwrap();
    let report = verify_files(&[room.file()], None).unwrap();
    assert_eq!(report.problem.map(|problem| (problem.line, problem.kind.code())), Some((2, "removed")));
    fs::remove_file(room.file()).unwrap();
    shut(&room.start()).unwrap();
    assert_eq!(room.lines()[0]["seq"], 6, "the chain goes on where the whole file is gone");
}

#[test]
fn without_space_deliveries_are_refused_and_nothing_is_lost() {
    let room = Room::new(OnAuditFailure::Refuse);
    let (auditor, mut writer, space) = room.stopped();
    let held = auditor.reserve().unwrap();
    space.store(100, Ordering::SeqCst);
    auditor.reserve().unwrap().write(accepted());
    assert!(writer.take_queued().is_none() && !writer.complete());
    assert_eq!(auditor.reserve().unwrap_err(), AuditUnavailable::WriteFailing);
    assert_eq!(auditor.reserve().unwrap_err().reason(), Reason::AuditUnavailable);
    held.write(refused(Reason::Replayed));
    assert!(writer.take_queued().is_none() && !writer.complete());
    assert_eq!(room.kinds(), ["start"], "no torn line while it fails");
    assert!(!auditor.is_healthy() && auditor.errors() == 2);
    space.store(usize::MAX, Ordering::SeqCst);
    assert!(writer.complete(), "it recovers by itself");
    assert!(auditor.is_healthy() && auditor.reserve().is_ok());
    assert_eq!(room.kinds(), ["start", "request", "request"]);
    room.assert_proven(3);
}

#[test]
fn a_place_is_given_back_when_its_record_is_written() {
    let room = Room::new(OnAuditFailure::Refuse);
    let (auditor, mut writer, _) = room.stopped();
    let places: Vec<_> = (0..DELIVERY_PLACES).map(|_| auditor.reserve().unwrap()).collect();
    assert_eq!(auditor.reserve().unwrap_err(), AuditUnavailable::QueueFull);
    for place in places {
        place.write(accepted());
    }
    assert!(writer.take_queued().is_none());
    assert_eq!(auditor.reserve().unwrap_err(), AuditUnavailable::QueueFull, "queued is not written");
    assert!(writer.complete());
    assert!(auditor.reserve().is_ok());
}

#[test]
fn refusals_beyond_their_budgets_are_counted_to_the_last() {
    let room = Room::new(OnAuditFailure::Refuse);
    let (auditor, mut writer, _) = room.stopped();
    let now = room.clock.now().monotonic;
    for _ in 0..25 {
        auditor.refused(refused(Reason::UnknownRoute), true, now);
    }
    for _ in 0..REFUSAL_PLACES {
        auditor.refused(refused(Reason::EventNotAllowed), false, now);
    }
    assert!(auditor.reserve().is_ok(), "refusals take no place of a delivery");
    while writer.messages_left() {}
    writer.unfold();
    assert!(writer.complete());
    let lines = room.lines();
    let written =
        |reason: Reason| lines.iter().filter(|line| line["kind"] == "request" && line["reason"] == reason.code()).count();
    assert_eq!((written(Reason::UnknownRoute), count(&lines, Reason::UnknownRoute)), (10, 15));
    assert_eq!((written(Reason::EventNotAllowed), count(&lines, Reason::EventNotAllowed)), (REFUSAL_PLACES - 10, 10));
    assert_eq!(auditor.errors(), 0);
}

#[test]
fn under_continue_deliveries_go_on_and_the_oldest_are_folded() {
    let room = Room::new(OnAuditFailure::Continue);
    let (auditor, mut writer, space) = room.stopped();
    space.store(0, Ordering::SeqCst);
    for _ in 0..DELIVERY_PLACES + 5 {
        auditor.reserve().unwrap().write(accepted());
    }
    assert_eq!(auditor.errors(), 5, "what found no room is counted");
    assert!(writer.take_queued().is_none() && !writer.complete());
    assert!(writer.take_queued().is_none());
    writer.shed();
    assert!(auditor.reserve().is_ok() && !auditor.is_healthy());
    space.store(usize::MAX, Ordering::SeqCst);
    assert!(writer.complete());
    writer.unfold();
    assert!(writer.complete());
    let lines = room.lines();
    let written = lines.iter().filter(|line| line["kind"] == "request").count();
    let folded = usize::try_from(count(&lines, Reason::Delivered)).unwrap();
    assert_eq!(written + folded, DELIVERY_PLACES + 5, "every decision is written or counted");
    assert!(written >= DELIVERY_PLACES / 2 && folded > 5);
}

#[test]
fn notes_are_bounded() {
    let room = Room::new(OnAuditFailure::Refuse);
    let (auditor, _writer, _) = room.stopped();
    for _ in 0..=NOTE_PLACES {
        auditor.note(UnixTime::from_seconds(0), Note::Config { applied: true, integrations: 1, faults: 0 });
    }
    assert_eq!(auditor.errors(), 1);
}

#[test]
fn a_device_that_is_full_from_the_start_is_unhealthy_and_ends_with_an_error() {
    let mut room = Room::new(OnAuditFailure::Refuse);
    room.spec.output = AuditOutput::File(PathBuf::from("/dev/full"));
    let auditor = room.start();
    assert_eq!(auditor.reserve().unwrap_err(), AuditUnavailable::WriteFailing);
    assert!(matches!(shut(&auditor), Err(AuditError::Unflushed)));
}

#[test]
fn many_hands_write_one_chain() {
    let room = Room::new(OnAuditFailure::Refuse);
    let auditor = room.start();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..400).for_each(|_| auditor.reserve().unwrap().write(accepted())));
        }
    });
    shut(&auditor).unwrap();
    room.assert_proven(8 * 400 + 2);
}

#[test]
fn handles_that_are_dropped_end_the_chain_with_a_stop() {
    let room = Room::new(OnAuditFailure::Refuse);
    let (auditor, writer, _) = room.stopped();
    auditor.reserve().unwrap().write(accepted());
    drop(auditor);
    writer.run();
    assert_eq!(room.kinds(), ["start", "request", "stop"]);
    room.assert_proven(3);
}
