//! Arming: an operator says that a provider may hand a secret over now.
//!
//! 1. One secret of one integration; which one must be said only where there are several that could be meant.
//! 2. The window is written into the audit log before it opens.

use std::time::Duration;

use http::StatusCode;
use serde_json::json;

use super::Admin;
use super::change::{says, told};
use crate::audit::record::SwitchAction;
use crate::domain::name::{IntegrationName, SecretId};
use crate::pipeline::answer::Answer;
use crate::switch::order::{Target, Why};

impl Admin {
    pub(super) fn arm(&self, name: &IntegrationName, wanted: Option<&SecretId>, why: &Why, lasts: Duration) -> Answer {
        let site = self.site();
        let integration = site.integrations.iter().find(|integration| integration.name == *name);
        let Some(integration) = integration else { return says(StatusCode::NOT_FOUND, "no integration has this name") };
        let all: Vec<_> = integration.keys.handed_over().collect();
        let mut fitting = all.iter().filter(|(id, _)| wanted.is_none_or(|wanted| wanted == *id));
        let (id, source) = match (fitting.next(), fitting.next()) {
            (Some(one), None) => *one,
            (Some(_), Some(_)) => {
                return says(StatusCode::BAD_REQUEST, "several secrets are handed over: say which as \"secret\"");
            }
            (None, _) if all.is_empty() => {
                return says(StatusCode::CONFLICT, "no secret of this integration has `handshake = true`");
            }
            (None, _) => return says(StatusCode::NOT_FOUND, "no secret with this id has `handshake = true`"),
        };
        let until = site.shared.clock.now().wall.plus(lasts);
        self.write_down(&site, SwitchAction::Arm, &Target::Secret(name.clone(), id.clone()), why, Some(until));
        site.shared.handovers.arm(name, id, source, until);
        let shown = json!({ "integration": name.as_str(), "secret": id.as_str(), "armed_until": until.to_string() });
        told(StatusCode::OK, &shown)
    }
}
