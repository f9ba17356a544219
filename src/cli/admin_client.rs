//! Questions to the running gateway, over the admin listener that the configuration names.
//!
//! Must not know: what the answers mean. Invariants: the token goes to that address only and is never printed; a
//! question has five seconds in all, an order a minute; an answer is bounded.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use http::request::Builder;
use http::{HeaderValue, Request};
use http_body_util::Full;
use serde_json::Value;
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use crate::cli::exchange::{self, Answer};
use crate::domain::secret::SecretBytes;

/// From the connection's start to the answer's last byte.
const DEADLINE: Duration = Duration::from_secs(5);
/// The same for what is told: a reload reads many files.
const TELLING_DEADLINE: Duration = Duration::from_secs(60);

/// A way to the admin listener.
#[derive(Debug)]
pub(crate) struct AdminClient {
    address: SocketAddr,
    token: Option<SecretBytes>,
}

impl AdminClient {
    /// A client of the listener bound to `bind`; the wildcard address is reached over loopback.
    pub(crate) fn new(bind: SocketAddr, token: Option<SecretBytes>) -> Self {
        let ip = match bind.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        Self { address: SocketAddr::new(ip, bind.port()), token }
    }

    /// Where it asks.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// `GET path`.
    pub(crate) fn ask(&self, path: &str) -> Result<Answer> {
        self.exchange(self.request(Request::get(path), Bytes::new())?, DEADLINE)
    }

    /// `POST path` with a JSON body.
    pub(crate) fn tell(&self, path: &str, order: &Value) -> Result<Answer> {
        let request = Request::post(path).header(CONTENT_TYPE, "application/json");
        self.exchange(self.request(request, Bytes::from(order.to_string()))?, TELLING_DEADLINE)
    }

    fn exchange(&self, request: Request<Full<Bytes>>, deadline: Duration) -> Result<Answer> {
        let question = async {
            let stream = TcpStream::connect(self.address).await.context("cannot connect")?;
            exchange::exchange(stream, request).await
        };
        exchange::within(deadline, question).with_context(|| format!("cannot ask the gateway at {}", self.address))
    }

    fn request(&self, request: Builder, body: Bytes) -> Result<Request<Full<Bytes>>> {
        let mut request = request.header(HOST, self.address.to_string()).header(ACCEPT, "application/json");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, bearer(token)?);
        }
        request.body(Full::new(body)).context("cannot make the request")
    }
}

fn bearer(token: &SecretBytes) -> Result<HeaderValue> {
    let text = Zeroizing::new([b"Bearer ".as_slice(), token.expose()].concat());
    let mut value = HeaderValue::from_bytes(&text).ok().context("the admin token holds characters that no header can carry")?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    fn client(bind: &str, token: Option<&str>) -> AdminClient {
        AdminClient::new(bind.parse().unwrap(), token.map(|token| SecretBytes::new(token.into())))
    }

    #[test]
    fn wildcards_are_reached_over_loopback() {
        let cases = [("0.0.0.0:9901", "127.0.0.1:9901"), ("[::]:1", "[::1]:1"), ("192.0.2.1:9", "192.0.2.1:9")];
        for (bind, address) in cases {
            assert_eq!(client(bind, None).address(), address.parse().unwrap());
        }
    }

    #[test]
    fn the_token_goes_along_and_is_never_shown() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let bind = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = vec![0; 4096];
            let length = stream.read(&mut head).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]").unwrap();
            String::from_utf8_lossy(&head[..length]).to_lowercase()
        });
        let client = client(&bind, Some("s3cret"));
        assert_eq!(client.ask("/api/v1/integrations").unwrap().body.as_ref(), b"[]");
        let head = server.join().unwrap();
        assert!(head.starts_with("get /api/v1/integrations http/1.1\r\n"), "{head}");
        assert!(head.contains("authorization: bearer s3cret\r\n") && head.contains(&format!("host: {bind}\r\n")), "{head}");
        assert!(!format!("{client:?} {:?}", client.request(Request::get("/"), Bytes::new())).contains("s3cret"));
        assert!(bearer(&SecretBytes::new(b"a\nb".to_vec())).is_err());
    }

    #[test]
    fn a_closed_port_names_the_address() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let bind = listener.local_addr().unwrap().to_string();
        drop(listener);
        let error = client(&bind, None).ask("/healthz").unwrap_err();
        assert!(format!("{error:#}").contains(&bind), "{error:#}");
    }
}
