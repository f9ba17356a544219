//! The last hour as a small picture: one bar a minute, accepted below, refused on top. Pure.
//!
//! Invariants: what was counted is seen: a bar is two units high at least; numbers only, so nothing needs escaping.

use std::fmt::Write as _;

use crate::server::live::traffic::Hour;

/// Twice the minutes wide.
const WIDTH: u32 = 120;
const HEIGHT: u32 = 24;
const BAR_MIN: u32 = 2;

/// The picture, with its numbers in words.
pub(super) fn svg(hour: &Hour) -> String {
    let (accepted, refused) = (total(&hour.accepted), total(&hour.refused));
    let (low, high) = paths(hour);
    format!(
        "<svg class=\"spark\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"last hour: {accepted} accepted, {refused} refused\">\
         <path class=\"base\" d=\"M0 {HEIGHT}h{WIDTH}\"/><path class=\"accepted\" d=\"{low}\"/><path class=\"refused\" d=\"{high}\"/></svg>"
    )
}

fn total(counts: &[u32]) -> u64 {
    counts.iter().copied().map(u64::from).sum()
}

fn paths(hour: &Hour) -> (String, String) {
    let (mut low, mut high) = (String::new(), String::new());
    let minutes = hour.accepted.iter().zip(&hour.refused);
    let most = minutes.clone().map(|(accepted, refused)| accepted.saturating_add(*refused)).max().unwrap_or(0).max(1);
    for (minute, (accepted, refused)) in minutes.enumerate() {
        let (below, above) = (height(*accepted, most), height(*refused, most));
        let above = above.min(HEIGHT.saturating_sub(below.min(BAR_MIN)));
        let below = below.min(HEIGHT.saturating_sub(above));
        bar(&mut low, minute, HEIGHT, below);
        bar(&mut high, minute, HEIGHT.saturating_sub(below), above);
    }
    (low, high)
}

fn height(count: u32, most: u32) -> u32 {
    if count == 0 {
        return 0;
    }
    let share = u64::from(count).saturating_mul(u64::from(HEIGHT)).checked_div(u64::from(most)).unwrap_or(0);
    u32::try_from(share).unwrap_or(HEIGHT).clamp(BAR_MIN, HEIGHT)
}

fn bar(path: &mut String, minute: usize, foot: u32, height: u32) {
    if height > 0 {
        // Writing to a string cannot fail.
        let _ = write!(path, "M{} {foot}v-{height}h1.5v{height}z", minute.saturating_mul(2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_seen() {
        let hour = Hour { accepted: vec![0, 100, 1], refused: vec![0, 0, 100] };
        let picture = svg(&hour);
        assert!(picture.contains("101 accepted, 100 refused"), "{picture}");
        assert!(picture.contains("M2 24v-23h1.5v23z"), "{picture}");
        assert!(picture.contains("M4 24v-2h1.5v2z") && picture.contains("M4 22v-22"), "{picture}");
        assert!(!picture.contains("M0 24v"), "nothing is nothing: {picture}");
        assert!(svg(&Hour::default()).contains("0 accepted, 0 refused"));
    }
}
