//! The strict reading of HTTP/1.1 framing, before hyper sees a byte. Sans-I/O and pure.
//!
//! hyper hides what has to be refused: of `Content-Length` beside `Transfer-Encoding` it deletes the length, equal lengths
//! collapse, bare line feeds and two `Host` lines pass, fragments are cut off. So the raw bytes are judged here, and
//! only those of a sound head go on. The rules, each by RFC 9112 or stricter:
//!
//! 1. Lines end in CR LF. A bare CR, a bare LF and control bytes other than a tab are refused where they stand.
//! 2. The request line is `METHOD SP target SP HTTP/1.0|HTTP/1.1`; the target begins with `/`, is visible ASCII, has no fragment.
//! 3. A field line is `token ":" value`: no space before the colon, no folding, no line without a colon.
//! 4. `Content-Length` stands at most once, as plain digits. `Transfer-Encoding` stands at most once, is exactly `chunked`,
//!    never beside a length, never in HTTP/1.0.
//! 5. `Host` stands exactly once and is a host with an optional port. `Upgrade` and `HTTP2-Settings` do not stand at all.
//!    `Expect` is `100-continue` or absent. The method is not `CONNECT`.
//! 6. At most [`HEADERS_MAX`] field lines, [`TARGET_BYTES_MAX`] bytes of target, and as many bytes of head as configured.
//! 7. A chunk's size is 1 to 16 hexadecimal digits, then CR LF or a short extension; data and its CR LF are exact.
//!
//! Invariant: the same bytes get the same verdict however they are cut into pieces.

mod chunked;
mod fault;
mod field;
mod head;
mod inspector;
mod request_line;
#[cfg(test)]
mod tests;

pub use fault::{FaultKind, FaultPlace, WireFault};
pub(super) use field::{is_authority, parse_length};
pub use inspector::{Inspector, Step};
pub(super) use request_line::is_target;

/// The most field lines of a head, and of trailers.
pub const HEADERS_MAX: usize = 64;

/// The longest target.
pub const TARGET_BYTES_MAX: usize = 2048;
