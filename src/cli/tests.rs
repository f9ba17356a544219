//! The definitions of the command line against its interface.

use clap::Parser as _;
use clap::error::ErrorKind;

use super::*;

fn parse(arguments: &str) -> Result<CommandLine, clap::Error> {
    CommandLine::try_parse_from(std::iter::once("hookward").chain(arguments.split_whitespace()))
}

#[test]
fn the_definitions_are_consistent() {
    command().debug_assert();
}

#[test]
fn the_interface_is_understood() {
    let lines = [
        "init",
        "init --provider stripe --provider github --output a.toml",
        "check --config a.toml --deny warnings --format json",
        "health --ready",
        "status --watch --interval 5s --format json",
        "providers",
        "providers stripe --format json",
        "sign --provider stripe --secret-env V",
        "sign --provider slack --secret-file F --key-id K --option A=B --option C=D --url https://a/b --id I --header X-A:b \
         --header X-C:d --at 2026-01-02T03:04:05Z --body - --output curl --send --cacert ca.pem",
        "verify --config a.toml --integration payments --request r.http --at 1686089971 --format json",
        "audit verify a.jsonl b.jsonl",
        "audit verify --state-dir d a.jsonl",
        "completions zsh",
        "man",
        "man audit verify",
    ];
    for line in lines {
        assert!(parse(line).is_ok(), "{line}: {}", parse(line).unwrap_err());
    }
}

const CONFLICT: &str = "audit verify --state-dir d --head aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa f";

#[test]
fn what_is_not_understood_is_usage() {
    let lines = [
        ("", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
        ("fly", ErrorKind::InvalidSubcommand),
        ("sign --provider stripe", ErrorKind::MissingRequiredArgument),
        ("sign --provider stripe --secret-env V --secret-file F", ErrorKind::ArgumentConflict),
        ("sign --provider stripe --secret-env V --at yesterday", ErrorKind::ValueValidation),
        ("sign --provider stripe --secret-env V --header nocolon", ErrorKind::ValueValidation),
        ("sign --provider stripe --secret-env V --url ftp://a", ErrorKind::ValueValidation),
        ("status --interval 2s", ErrorKind::MissingRequiredArgument),
        ("verify --integration a", ErrorKind::MissingRequiredArgument),
        ("audit verify", ErrorKind::MissingRequiredArgument),
        ("audit verify --head aa f", ErrorKind::ValueValidation),
        (CONFLICT, ErrorKind::ArgumentConflict),
        ("check --deny everything", ErrorKind::InvalidValue),
    ];
    for (line, kind) in lines {
        let error = parse(line).unwrap_err();
        assert_eq!(error.kind(), kind, "{line}");
        assert!(error.use_stderr(), "{line}");
    }
    assert_eq!(parse("--version").unwrap_err().kind(), ErrorKind::DisplayVersion);
    assert!(!parse("sign --help").unwrap_err().use_stderr());
}
