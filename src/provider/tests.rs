//! The catalogue as a whole.

use super::*;

#[test]
fn every_preset_is_read_without_a_fault() {
    let (schemes, faults) = presets::read_all();
    assert_eq!(faults.iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    let names: Vec<&str> = Catalogue::builtin().iter().map(|scheme| scheme.name.as_str()).collect();
    let expected =
        ["discord", "discord-events", "github", "shopify", "slack", "standard-webhooks", "standard-webhooks-ed25519", "stripe"];
    assert_eq!(names, expected);
    assert_eq!(schemes.len(), expected.len());
}
