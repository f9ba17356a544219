//! The tables of the status page, one after the other. Pure.
//!
//! The script builds the same rows; a column that is added here is added there.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Text, or_dash, secret, spark};
use crate::audit::recent::Decision;
use crate::server::live::picture::{Frame, Item, ReplayFill};

/// What stands in the way, and what somebody should look at.
pub(super) fn notices(page: &mut String, frame: &Frame) {
    page.push_str("<ul id=\"notices\">");
    for cause in &frame.readiness.causes {
        let _ = write!(page, "<li class=\"bad\">{}</li>", Text(cause));
    }
    for degraded in &frame.readiness.degraded {
        let _ = write!(page, "<li class=\"warn\"><b>{}</b> {}</li>", Text(degraded.cause), Text(degraded.details.join("; ")));
    }
    if let Some(reason) = &frame.all_off {
        let _ = write!(page, "<li class=\"bad\"><b>all integrations are disabled</b> {}</li>", Text(reason));
    }
    page.push_str("</ul>");
}

/// The numbers at a glance.
pub(super) fn totals(page: &mut String, frame: &Frame, items: &[Item]) {
    let hour = |counts: fn(&Item) -> &Vec<u32>| items.iter().flat_map(counts).copied().map(u64::from).sum::<u64>();
    let disabled = items.iter().filter(|item| item.entry.state == "disabled").count();
    let cells = [
        ("accepted", "Accepted, last hour", hour(|item| &item.traffic.accepted).to_string()),
        ("refused", "Refused, last hour", hour(|item| &item.traffic.refused).to_string()),
        ("inflight", "In flight", frame.inflight.to_string()),
        ("integrations-count", "Integrations", items.len().to_string()),
        ("disabled-count", "Disabled", disabled.to_string()),
    ];
    page.push_str("<section aria-label=\"At a glance\"><dl id=\"totals\">");
    for (id, label, value) in cells {
        let _ = write!(page, "<div><dt>{label}</dt><dd id=\"total-{id}\">{value}</dd></div>");
    }
    replay(page, &frame.replay);
    page.push_str("</dl></section>");
}

fn replay(page: &mut String, fill: &ReplayFill) {
    let ReplayFill { store, entries, capacity } = fill;
    let of = if *capacity == 0 { String::new() } else { format!(" of {capacity}") };
    let _ = write!(page, "<div><dt>Replay store, {store}</dt><dd id=\"total-replay\">{entries}<small>{of}</small></dd>");
    if *capacity > 0 {
        let _ = write!(
            page,
            "<meter id=\"replay-meter\" aria-label=\"replay store fill\" max=\"{capacity}\" value=\"{entries}\"></meter>"
        );
    }
    page.push_str("</div>");
}

/// One row an integration.
pub(super) fn integrations(page: &mut String, items: &[Item]) {
    page.push_str(
        "<section aria-labelledby=\"integrations-title\"><div class=\"bar\"><h2 id=\"integrations-title\">Integrations</h2>\
         <span id=\"all-actions\"></span></div><table id=\"integrations\"><thead><tr><th scope=\"col\">Integration<th scope=\"col\">State\
         <th scope=\"col\">Last hour<th scope=\"col\" class=\"number\">Accepted<th scope=\"col\" class=\"number\">Refused\
         <th scope=\"col\">Last accepted<th scope=\"col\">Secrets</tr></thead><tbody>",
    );
    for item in items {
        integration(page, item);
    }
    page.push_str("</tbody></table></section>");
}

fn integration(page: &mut String, item: &Item) {
    let entry = &item.entry;
    let why = entry.disabled.as_ref().and_then(|disabled| disabled.reason.as_deref()).unwrap_or_default();
    let place = entry.host.as_deref().unwrap_or_default();
    let _ = write!(
        page,
        "<tr class=\"{state}\"><th scope=\"row\"><b>{}</b><small>{} · {}{}</small><small>{}</small></th>\
         <td data-label=\"State\"><span class=\"pill {state}\">{state}</span><small>{}</small></td><td data-label=\"Last hour\">{}</td>\
         <td data-label=\"Accepted\" class=\"number\">{}</td><td data-label=\"Refused\" class=\"number\">{}</td>\
         <td data-label=\"Last accepted\">{}</td><td data-label=\"Secrets\">",
        Text(&entry.name),
        Text(&entry.provider),
        Text(place),
        Text(&entry.path),
        Text(or_dash(entry.owner.as_deref())),
        Text(why),
        spark::svg(&item.traffic),
        entry.accepted,
        entry.refused,
        Text(or_dash(entry.last_accepted.as_deref())),
        state = entry.state,
    );
    for one in &entry.secrets {
        let _ = write!(page, "<small>{}</small>", Text(secret(one)));
    }
    page.push_str("</td></tr>");
}

/// What somebody should look at.
pub(super) fn findings(page: &mut String, items: &[Item]) {
    let found: Vec<_> = items.iter().flat_map(|item| item.entry.findings.iter().map(|one| (&item.entry.name, one))).collect();
    let hidden = if found.is_empty() { " hidden" } else { "" };
    let _ = write!(page, "<section id=\"findings-section\"{hidden}><h2>Findings</h2><ul id=\"findings\">");
    for (name, one) in found {
        let _ = write!(page, "<li><b>{}</b> {}: {}</li>", Text(name), Text(&one.finding), Text(&one.text));
    }
    page.push_str("</ul></section>");
}

/// Refusals of all integrations together, and of requests that reached none.
pub(super) fn refusals(page: &mut String, frame: &Frame, items: &[Item]) {
    let mut all: BTreeMap<&str, u64> = frame.unrouted.clone();
    for (reason, count) in items.iter().flat_map(|item| &item.entry.refusals) {
        let total = all.entry(reason).or_default();
        *total = total.saturating_add(*count);
    }
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_by_key(|(reason, count)| (std::cmp::Reverse(*count), *reason));
    let most = all.first().map_or(1, |(_, count)| *count);
    page.push_str(
        "<section aria-labelledby=\"refusals-title\"><h2 id=\"refusals-title\">Refused, by reason</h2><table id=\"refusals\">\
         <thead><tr><th scope=\"col\">Reason<th scope=\"col\" class=\"number\">Requests<th scope=\"col\"><span class=\"unseen\">Share\
         </span></tr></thead><tbody>",
    );
    for (reason, count) in all {
        let _ = write!(
            page,
            "<tr><th scope=\"row\">{reason}</th><td class=\"number\">{count}</td><td><meter max=\"{most}\" value=\"{count}\" \
             aria-label=\"{reason}\"></meter></td></tr>"
        );
    }
    page.push_str("</tbody></table></section>");
}

/// The last decisions, the newest first.
pub(super) fn decisions(page: &mut String, decisions: &[Decision]) {
    page.push_str(
        "<section aria-labelledby=\"decisions-title\"><h2 id=\"decisions-title\">Last decisions</h2><form id=\"filters\" hidden></form>\
         <div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"decisions-title\"><table id=\"decisions\"><thead><tr><th scope=\"col\">Time<th scope=\"col\">Integration<th scope=\"col\">Decision\
         <th scope=\"col\">Event<th scope=\"col\">Delivery<th scope=\"col\">Source<th scope=\"col\">Path</tr></thead><tbody>",
    );
    for one in decisions.iter().rev() {
        decision(page, one);
    }
    page.push_str("</tbody></table></div></section>");
}

fn decision(page: &mut String, one: &Decision) {
    let status = one.status.map(|status| format!(" {status}")).unwrap_or_default();
    let count = if one.count > 1 { format!(" × {}", one.count) } else { String::new() };
    let _ = write!(
        page,
        "<tr class=\"{0}\"><td data-label=\"Time\">{1}</td><td data-label=\"Integration\">{2}</td><td data-label=\"Decision\">\
         <span class=\"pill {0}\">{0}</span><small>{3}{status}{count}</small></td><td data-label=\"Event\">{4}</td>\
         <td data-label=\"Delivery\">{5}</td><td data-label=\"Source\">{6}</td><td data-label=\"Path\">{7}</td></tr>",
        one.decision,
        one.ts,
        Text(or_dash(one.integration.as_deref())),
        one.reason,
        Text(or_dash(one.event.as_deref())),
        Text(or_dash(one.delivery_id.as_deref())),
        Text(&one.source),
        Text(or_dash(one.path.as_deref())),
    );
}
