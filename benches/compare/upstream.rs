//! The cheapest receiver that is one: reads a request by its length, answers `ok`, keeps the connection.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Where it listens.
pub const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 18_080);

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok";

/// Serves until it is killed.
pub fn serve() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(ADDRESS).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(converse(stream));
        }
    })
}

async fn converse(mut stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut buffer = Vec::with_capacity(1 << 17);
    loop {
        let head_end = loop {
            if let Some(at) = memchr::memmem::find(&buffer, b"\r\n\r\n") {
                break at + 4;
            }
            if stream.read_buf(&mut buffer).await.ok()? == 0 {
                return None;
            }
        };
        let mut missing = (head_end + length(&buffer[..head_end])?).checked_sub(buffer.len());
        buffer.clear();
        while let Some(more @ 1..) = missing {
            let read = stream.read_buf(&mut buffer).await.ok()?;
            missing = if read == 0 { return None } else { more.checked_sub(read) };
            buffer.clear();
        }
        stream.write_all(ANSWER).await.ok()?;
    }
}

/// The value of `Content-Length`.
pub fn length(head: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(head).ok()?.to_ascii_lowercase();
    let line = text.lines().find_map(|line| line.strip_prefix("content-length:"))?;
    line.trim().parse().ok()
}
