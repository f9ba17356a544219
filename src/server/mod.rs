//! Assembly: plan to running gateway, its changes, its end, and the admin listener.
//!
//! Owns: what is started in which order, what is shared, what goes on over a reload, what is drained.
//! Must not know: how anything is judged.
//! Invariants: a gateway starts whole or not at all, and changes whole or not at all; what was begun is finished before it ends.
//!
//! Start at [`gateway`].

mod admin;
pub mod build;
pub mod gateway;
mod historian;
mod housekeeper;
pub mod inventory;
mod key_refresher;
mod live;
mod lookout;
mod material;
mod observe;
mod otlp;
pub mod readiness;
pub mod reload;
mod replicas;
mod standing;
pub mod state_directory;
mod thrown;
mod watch;
