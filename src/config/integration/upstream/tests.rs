//! What is an upstream, what is none, and where plaintext may go.

use super::*;

fn http(host: &str, port: u16) -> Transport {
    Transport::Http { host: host.to_owned(), port }
}

fn https(host: &str, port: u16) -> Transport {
    Transport::Https { host: host.to_owned(), port }
}

fn unix(socket: &str) -> Transport {
    Transport::Unix(socket.to_owned())
}

#[test]
fn upstreams_are_taken_apart() {
    let cases = [
        ("http://127.0.0.1:3000/stripe", http("127.0.0.1", 3000), "/stripe", "127.0.0.1:3000"),
        ("http://localhost", http("localhost", 80), "/", "localhost"),
        ("http://App.Internal:80", http("app.internal", 80), "/", "app.internal"),
        ("http://[::1]:8080/a?b=c", http("::1", 8080), "/a?b=c", "[::1]:8080"),
        ("https://app.example.com", https("app.example.com", 443), "/", "app.example.com"),
        ("https://app.example.com?b=c", https("app.example.com", 443), "/?b=c", "app.example.com"),
        ("https://app.example.com:8443//x", https("app.example.com", 8443), "//x", "app.example.com:8443"),
        ("https://[2001:DB8::1]/", https("2001:db8::1", 443), "/", "[2001:db8::1]"),
        ("unix:/run/app.sock:/stripe", unix("/run/app.sock"), "/stripe", "localhost"),
        ("unix:app.sock", unix("app.sock"), "/", "localhost"),
    ];
    for (text, transport, path_and_query, authority) in cases {
        let expected = Upstream { transport, path_and_query: path_and_query.to_owned(), authority: authority.to_owned() };
        assert_eq!(parse(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let socket = UpstreamError::Socket { max: SOCKET_BYTES_MAX };
    let long = format!("unix:/{}:/x", "a".repeat(SOCKET_BYTES_MAX));
    let cases = [
        ("", UpstreamError::Scheme),
        ("127.0.0.1:3000", UpstreamError::Scheme),
        ("HTTP://127.0.0.1", UpstreamError::Scheme),
        ("ftp://a", UpstreamError::Scheme),
        ("http://user:pw@127.0.0.1/", UpstreamError::User),
        ("http://127.0.0.1@evil.example/", UpstreamError::User),
        ("http://127.0.0.1/#a", UpstreamError::Fragment),
        ("http://127.0.0.1#a", UpstreamError::Fragment),
        ("http://", UpstreamError::Host),
        ("http:///x", UpstreamError::Host),
        ("http://a b/", UpstreamError::Host),
        ("http://a..b/", UpstreamError::Host),
        ("http://::1/", UpstreamError::Host),
        ("http://[::1", UpstreamError::Host),
        ("http://[::1]x/", UpstreamError::Host),
        ("http://[127.0.0.1]/", UpstreamError::Host),
        ("http://ä.example/", UpstreamError::Host),
        ("http://a\\b/", UpstreamError::Host),
        ("http://a:0/", UpstreamError::Port),
        ("http://a:/", UpstreamError::Port),
        ("http://a:+80/", UpstreamError::Port),
        ("http://a:65536/", UpstreamError::Port),
        ("http://a/b c", UpstreamError::Path),
        ("http://a/ä", UpstreamError::Path),
        ("http://a/b\r\nX: y", UpstreamError::Path),
        ("unix:", socket),
        ("unix::/x", socket),
        ("unix:/run/a.sock:x", socket),
        (&long, socket),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(text), Err(expected), "{text}");
    }
}

#[test]
fn only_this_machine_is_loopback() {
    for host in ["localhost", "127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"] {
        assert!(is_loopback(host), "{host}");
    }
    for host in ["127.1", "127.0.0.1.example.com", "localhost.example.com", "0.0.0.0", "10.0.0.1", "::", "localhost."] {
        assert!(!is_loopback(host), "{host}");
    }
}
