//! Findings and anomalies of each integration, as series: every kind exists from the start, and is 0 where nothing is found.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use std::sync::Arc;

use super::metrics::register;
use super::table::{ANOMALIES, FINDINGS};
use crate::domain::finding::FindingKind;
use crate::domain::name::IntegrationName;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FindingLabels {
    integration: Arc<str>,
    finding: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AnomalyLabels {
    integration: Arc<str>,
    anomaly: &'static str,
}

/// The two families.
#[derive(Debug)]
pub(super) struct Families {
    findings: Family<FindingLabels, Gauge>,
    anomalies: Family<AnomalyLabels, Counter>,
}

impl Families {
    pub(super) fn register(registry: &mut Registry) -> Self {
        Self {
            findings: register(registry, FINDINGS, Family::default()),
            anomalies: register(registry, ANOMALIES, Family::default()),
        }
    }

    /// The series of one integration; they exist from here on.
    pub(super) fn of(&self, integration: &IntegrationName) -> FindingMetrics {
        let finding = |kind: FindingKind| self.findings.get_or_create_owned(&finding_labels(integration, kind));
        let anomaly =
            |kind: FindingKind| kind.is_anomaly().then(|| self.anomalies.get_or_create_owned(&anomaly_labels(integration, kind)));
        FindingMetrics { findings: FindingKind::ALL.map(finding), anomalies: FindingKind::ALL.map(anomaly) }
    }

    pub(super) fn retire(&self, integration: &IntegrationName) {
        for kind in FindingKind::ALL {
            self.findings.remove(&finding_labels(integration, kind));
            self.anomalies.remove(&anomaly_labels(integration, kind));
        }
    }
}

fn finding_labels(integration: &IntegrationName, kind: FindingKind) -> FindingLabels {
    FindingLabels { integration: Arc::from(integration.as_str()), finding: kind.code() }
}

fn anomaly_labels(integration: &IntegrationName, kind: FindingKind) -> AnomalyLabels {
    AnomalyLabels { integration: Arc::from(integration.as_str()), anomaly: kind.code() }
}

/// The series of one integration.
#[derive(Clone, Debug)]
pub struct FindingMetrics {
    findings: [Gauge; FindingKind::ALL.len()],
    anomalies: [Option<Counter>; FindingKind::ALL.len()],
}

impl FindingMetrics {
    /// These are all the findings that stand.
    pub fn set(&self, standing: impl Iterator<Item = FindingKind>) {
        let mut numbers = [0_i64; FindingKind::ALL.len()];
        for kind in standing {
            if let Some(number) = numbers.get_mut(kind as usize) {
                *number = number.saturating_add(1);
            }
        }
        for (gauge, number) in self.findings.iter().zip(numbers) {
            gauge.set(number);
        }
    }

    /// Counts an anomaly.
    pub fn count_anomaly(&self, kind: FindingKind) {
        if let Some(Some(counter)) = self.anomalies.get(kind as usize) {
            counter.inc();
        }
    }
}
