//! `audit verify`
