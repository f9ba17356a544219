//! Reads the Prometheus text of `/metrics`.

use std::collections::BTreeMap;

/// One scrape.
#[derive(Debug)]
pub(crate) struct Metrics {
    samples: Vec<(String, BTreeMap<String, String>, f64)>,
    pub(crate) text: String,
}

impl Metrics {
    /// Parses a scrape; a line that is none fails the test.
    #[track_caller]
    pub(crate) fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self { samples: lines.map(sample).collect(), text: text.to_owned() }
    }

    /// The sum over all series of a name that have these labels.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.matching(name, labels).map(|(_, _, value)| value).sum()
    }

    /// Whether there is a series of a name with these labels.
    pub(crate) fn has(&self, name: &str, labels: &[(&str, &str)]) -> bool {
        self.matching(name, labels).next().is_some()
    }

    /// The counts of a name, summed up by one of its labels.
    pub(crate) fn by_label(&self, name: &str, label: &str) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for (_, labels, value) in self.matching(name, &[]) {
            let count = format!("{value:.0}").parse::<u64>().expect("a count");
            *counts.entry(labels[label].clone()).or_default() += count;
        }
        counts
    }

    /// How many series there are.
    pub(crate) fn series(&self) -> usize {
        self.samples.len()
    }

    /// Every name with its label names.
    pub(crate) fn shapes(&self) -> BTreeMap<String, Vec<String>> {
        let shape =
            |(name, labels, _): &(String, BTreeMap<String, String>, f64)| (name.clone(), labels.keys().cloned().collect());
        self.samples.iter().map(shape).collect()
    }

    fn matching<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&'a str, &'a str)],
    ) -> impl Iterator<Item = &'a (String, BTreeMap<String, String>, f64)> {
        let fits = move |known: &BTreeMap<String, String>| {
            labels.iter().all(|(key, value)| known.get(*key).is_some_and(|found| found == value))
        };
        self.samples.iter().filter(move |(known, values, _)| known == name && fits(values))
    }
}

fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let (series, value) = match line.find('}') {
        Some(end) => (&line[..=end], &line[end + 1..]),
        None => line.split_once(' ').unwrap_or_else(|| panic!("no sample: {line}")),
    };
    let value = value.split_whitespace().next().and_then(|value| value.parse().ok());
    let value = value.unwrap_or_else(|| panic!("no value: {line}"));
    let (name, labels) = series.trim_end_matches('}').split_once('{').unwrap_or((series, ""));
    let pairs = labels.split(',').filter_map(|pair| pair.split_once('='));
    let labels = pairs.map(|(key, value)| (key.to_owned(), value.trim_matches('"').to_owned())).collect();
    (name.to_owned(), labels, value)
}
