//! The report as SARIF 2.1.0, which code scanning reads.
//!
//! 1. Every lint is a rule, found or not; so are faults (`invalid-configuration`) and settings without effect.
//! 2. What the configuration allows is a result that is suppressed in its source, with the reason.
//! 3. Columns count characters. A relative file stays a relative reference, so that a scanner finds it in its checkout.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::report::{Located, Report};
use crate::document::{Fault, Place};
use crate::lint::table::LINTS;

const INVALID: &str = "invalid-configuration";
const WITHOUT_EFFECT: &str = "without-effect";

/// The log of one run.
pub(super) fn log(report: &Report) -> Value {
    let faults = report.faults.iter().map(|fault| of_fault(INVALID, "error", fault));
    let findings = report.findings.iter().map(of_finding);
    let without_effect = report.without_effect.iter().map(|fault| of_fault(WITHOUT_EFFECT, "warning", fault));
    let allowed = report.allowed.iter().map(|(finding, reason)| {
        let mut result = of_finding(finding);
        let suppressions = json!([{ "kind": "inSource", "justification": reason }]);
        result.as_object_mut().map(|members| members.insert("suppressions".to_owned(), suppressions));
        result
    });
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "hookward", "version": env!("CARGO_PKG_VERSION"), "rules": rules() } },
            "columnKind": "unicodeCodePoints",
            "results": faults.chain(findings).chain(without_effect).chain(allowed).collect::<Vec<_>>(),
        }],
    })
}

fn rules() -> Vec<Value> {
    let own = [
        (
            INVALID,
            "error",
            "what is not valid, or names what cannot be used",
            "nothing starts with it",
            "mend it as the result says",
        ),
        (WITHOUT_EFFECT, "warning", "a setting that changes nothing", "whoever wrote it expects something of it", "remove it"),
    ];
    let lints = LINTS.iter().map(|lint| (lint.id, lint.level.code(), lint.looks_for, lint.why, lint.fix));
    let rule = |(id, level, looks_for, why, fix): (&str, &str, &str, &str, &str)| {
        json!({
            "id": id,
            "shortDescription": { "text": looks_for },
            "fullDescription": { "text": why },
            "help": { "text": fix },
            "defaultConfiguration": { "level": level },
        })
    };
    own.into_iter().chain(lints).map(rule).collect()
}

fn of_finding(finding: &Located) -> Value {
    let text = format!("{}: {}. {}. Fix: {}.", finding.key, finding.saw, finding.lint.why, finding.lint.fix);
    result(finding.lint.id, finding.lint.level.code(), &text, &finding.place, &finding.key)
}

fn of_fault(rule: &str, level: &str, fault: &Fault) -> Value {
    let divider = if fault.key.is_empty() { "" } else { ": " };
    let hint = if fault.hint.is_empty() { String::new() } else { format!(" ({})", fault.hint) };
    let text = format!("{}{divider}{}{hint}", fault.key, fault.reason);
    result(rule, level, &text, &fault.place, &fault.key)
}

fn result(rule: &str, level: &str, text: &str, place: &Place, key: &str) -> Value {
    json!({
        "ruleId": rule,
        "level": level,
        "message": { "text": text },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": uri(&place.file) },
                "region": { "startLine": place.line, "startColumn": place.column },
            },
        }],
        // The same finding stays the same when lines above it move.
        "partialFingerprints": { "hookwardKey/v1": format!("{rule}:{key}") },
    })
}

/// A reference by RFC 3986: everything that is no path's own character is escaped.
fn uri(file: &str) -> String {
    let mut uri = String::from(if file.starts_with('/') { "file://" } else { "" });
    for byte in file.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_become_references() {
        for (file, expected) in
            [("conf.d/a b.toml", "conf.d/a%20b.toml"), ("/etc/ä.toml", "file:///etc/%C3%A4.toml"), ("c:x", "c%3Ax")]
        {
            assert_eq!(uri(file), expected);
        }
    }
}
