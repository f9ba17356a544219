//! hookward

pub mod audit;
pub mod cli;
pub mod config;
pub mod document;
pub mod domain;
pub mod gate;
pub mod listen;
pub mod provider;
pub mod secrets;
pub mod telemetry;
