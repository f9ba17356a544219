//! Arguments into requests.

use clap::Parser as _;
use http::StatusCode;

use super::*;

#[derive(Debug, clap::Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

fn arguments(line: &str) -> Arguments {
    Line::try_parse_from(std::iter::once("sign").chain(line.split_whitespace())).unwrap().arguments
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secret"), "a secret of some length\n").unwrap();
    fs::write(folder.path().join("body"), "{\"a\": 1}\n").unwrap();
    folder
}

fn made(line: &str) -> Result<Outgoing> {
    let arguments = arguments(line);
    let scheme = providers::find(&arguments.provider)?;
    check_key_id(&arguments, &scheme)?;
    let scheme = scheme.bound(&arguments.url.to_string(), &options(&arguments, &scheme)?);
    outgoing(&arguments, &scheme)
}

#[test]
fn every_argument_reaches_the_request() {
    let folder = folder();
    let path = folder.path().display();
    let line = format!(
        "--provider github --secret-file {path}/secret --body {path}/body --id d-1 --header X-GitHub-Event:push \
         --header x-more:1 --url https://example.com/in --at 1700000000 --cacert {path}/ca.pem"
    );
    let outgoing = made(&line).unwrap();
    assert_eq!(outgoing.body, "{\"a\": 1}\n");
    assert_eq!(outgoing.destination.to_string(), "https://example.com/in");
    assert_eq!((outgoing.body_file, outgoing.cacert), (Some(folder.path().join("body")), Some(folder.path().join("ca.pem"))));
    for (name, value) in [("x-github-event", "push"), ("x-github-delivery", "d-1"), ("x-more", "1")] {
        assert_eq!(outgoing.headers.get(name).unwrap(), value);
    }
}

#[test]
fn what_cannot_be_done_says_so_without_the_secret() {
    let folder = folder();
    let path = folder.path().display();
    let cases = [
        (format!("--provider nobody --secret-file {path}/secret"), "no provider \"nobody\""),
        (format!("--provider github --secret-file {path}/absent"), "absent does not exist"),
        (format!("--provider standard-webhooks --secret-file {path}/secret"), "no key of standard-webhooks"),
        (format!("--provider discord --secret-file {path}/secret"), "no key of discord"),
        (format!("--provider github --secret-file {path}/secret --body {path}/absent"), "cannot read the body"),
        (format!("--provider github --secret-file {path}/secret --option a=b"), "takes no option a"),
        (format!("--provider github --secret-file {path}/secret --key-id a"), "name no key"),
    ];
    for (line, expected) in cases {
        let error = format!("{:#}", made(&line).unwrap_err());
        assert!(error.contains(expected) && !error.contains("a secret of some length"), "{line}: {error}");
    }
}

#[test]
fn headers_are_names_and_values() {
    let (name, value) = header("X-A:  b:c ").unwrap();
    assert_eq!((name.as_str(), value.to_str().unwrap()), ("x-a", "b:c"));
    for bad in ["no-colon", "bad name: x", ": x", "a: b\u{1}"] {
        assert!(header(bad).is_err(), "{bad}");
    }
}

#[test]
fn reading_is_bounded() {
    assert_eq!(bounded(b"abc".as_slice(), 3).unwrap(), "abc");
    assert!(bounded(b"abcd".as_slice(), 3).is_err());
}

#[test]
fn an_answer_is_shown_whole() {
    let mut headers = HeaderMap::new();
    headers.insert("a", HeaderValue::from_static("b"));
    let answer = Answer { status: StatusCode::CONFLICT, headers, body: Bytes::from_static(b"no") };
    assert_eq!(shown(&answer), b"HTTP/1.1 409 Conflict\na: b\n\nno\n");
}
