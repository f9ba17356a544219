//! `providers [NAME]`: the catalogue, or one provider explained.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::{Value, json};

use crate::cli::exit::Verdict;
use crate::cli::output::{self, Format, FormatArgument};
use crate::domain::size::format_duration;
use crate::provider::Catalogue;
use crate::provider::describe::{Sentence, describe};
use crate::provider::scheme::Scheme;

/// Arguments of `providers`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The provider to explain: what is signed, with what, where, which traps, how it is proven.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    output: FormatArgument,
}

/// Prints the list or the explanation.
pub(super) fn run(arguments: &Arguments) -> Result<Verdict> {
    match (&arguments.name, arguments.output.format) {
        (None, Format::Text) => output::data(list().as_bytes())?,
        (None, Format::Json) => output::json(&Catalogue::builtin().iter().map(|scheme| summary(scheme)).collect())?,
        (Some(name), Format::Text) => output::data(explanation(&*find(name)?).as_bytes())?,
        (Some(name), Format::Json) => output::json(&details(&*find(name)?))?,
    };
    Ok(Verdict::Yes)
}

/// The preset of a name.
///
/// # Errors
/// When there is none; the message says where to look.
pub(crate) fn find(name: &str) -> Result<Arc<Scheme>> {
    let unknown = || format!("there is no provider \"{}\"; `hookward providers` lists them", output::printable(name));
    Catalogue::builtin().get(name).with_context(unknown)
}

fn list() -> String {
    let rows: Vec<_> = Catalogue::builtin().iter().map(|scheme| row(scheme)).collect();
    output::table(["NAME", "TITLE", "ALGORITHM", "WINDOW", "EVIDENCE", "CHECKED"], &rows)
}

fn row(scheme: &Scheme) -> [String; 6] {
    [
        scheme.name.to_string(),
        scheme.title.clone(),
        scheme.signature.algorithm.code().to_owned(),
        window(scheme),
        scheme.origin.evidence.code().to_owned(),
        scheme.origin.checked.clone(),
    ]
}

/// The documented tolerance, or whether there is a signed time at all.
fn window(scheme: &Scheme) -> String {
    match (scheme.is_timed(), scheme.documented_tolerance()) {
        (true, Some(tolerance)) => format_duration(tolerance),
        (true, None) => "signed".to_owned(),
        (false, _) => "-".to_owned(),
    }
}

fn explanation(scheme: &Scheme) -> String {
    let sentences = describe(scheme);
    let width = sentences.iter().map(|sentence| sentence.topic.len()).max().unwrap_or_default();
    let line = |Sentence { topic, text }: &Sentence| format!("{topic:width$}  {}\n", output::printable(text));
    let lines: String = sentences.iter().map(line).collect();
    format!("{} ({})\n{}\n\n{lines}", scheme.title, scheme.name, scheme.origin.docs)
}

fn summary(scheme: &Scheme) -> Value {
    json!({
        "name": scheme.name.as_str(), "title": scheme.title, "docs": scheme.origin.docs,
        "algorithm": scheme.signature.algorithm.code(), "signed_timestamp": scheme.is_timed(),
        "tolerance": scheme.documented_tolerance().map(format_duration),
        "evidence": scheme.origin.evidence.code(), "checked": scheme.origin.checked,
    })
}

fn details(scheme: &Scheme) -> Value {
    let sentences = describe(scheme).into_iter();
    let mut details = summary(scheme);
    if let Some(members) = details.as_object_mut() {
        let explained = sentences.map(|sentence| json!({ "topic": sentence.topic, "text": sentence.text })).collect();
        members.insert("explained".to_owned(), explained);
        members.insert("sources".to_owned(), json!(scheme.origin.sources));
    }
    details
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_is_listed_and_explained() {
        let list = list();
        for scheme in Catalogue::builtin().iter() {
            assert!(list.contains(scheme.name.as_str()), "{list}");
            let explanation = explanation(scheme);
            assert!(explanation.contains(&scheme.origin.docs) && explanation.lines().count() > 5, "{explanation}");
            assert!(details(scheme).get("explained").and_then(Value::as_array).is_some_and(|list| list.len() > 5));
        }
        assert!(find("no-such").unwrap_err().to_string().contains("hookward providers"));
    }
}
