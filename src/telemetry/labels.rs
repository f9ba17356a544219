//! The label sets of the metrics. pure
//!
//! Invariants: every value is a name from the configuration or a word of a closed enum; field names are the label names of
//! the interface, in its order.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;

use crate::domain::name::{IntegrationName, ProviderName, SecretId};
use crate::domain::reason::Reason;

/// What stands for an integration or a provider where there is none.
pub(super) const NONE: &str = "-";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    integration: Arc<str>,
    provider: Arc<str>,
    outcome: &'static str,
    reason: &'static str,
}

impl RequestLabels {
    pub(super) fn new(integration: &str, provider: &str, reason: Reason) -> Self {
        Self {
            integration: Arc::from(integration),
            provider: Arc::from(provider),
            outcome: reason.decision().code(),
            reason: reason.code(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct IntegrationLabel {
    integration: Arc<str>,
}

impl IntegrationLabel {
    pub(super) fn new(integration: &str) -> Self {
        Self { integration: Arc::from(integration) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ProviderLabel {
    provider: Arc<str>,
}

impl ProviderLabel {
    pub(super) fn new(provider: &ProviderName) -> Self {
        Self { provider: Arc::from(provider.as_str()) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct SecretLabels {
    integration: Arc<str>,
    secret_id: Arc<str>,
}

impl SecretLabels {
    pub(super) fn new(integration: &IntegrationName, secret: &SecretId) -> Self {
        Self { integration: Arc::from(integration.as_str()), secret_id: Arc::from(secret.as_str()) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ListenerLabel {
    pub(super) listener: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct LimitLabel {
    pub(super) limit: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ResultLabel {
    pub(super) result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct SignalLabel {
    pub(super) signal: &'static str,
}
