//! Alternatives of the content: what a provider may have signed instead, where nobody can say beforehand which.
//!
//! Rules:
//! 1. An alternative has the parts and the fixed text of the first content, in their order. Only the URL may be spelled with
//!    the other port, and the fixed text behind the last part may be another one, of no letters or digits. So it covers the
//!    same, and whatever asks what is signed asks the first; `sign` writes that, too.
//! 2. It is tried only where the first was not signed, and there are at most [`ALTERNATIVES_MAX`]: each costs a forgery one more
//!    MAC, and a delivery that is signed as the first nothing.
//! 3. One signed text may then be two requests: one whose last part ends with that fixed text, and one without it. Both are the
//!    same delivery, for what was signed is what makes it one; and both have the same time, which ends with a letter or digit. Of
//!    two spellings of a URL none is the beginning of the other.

use super::scheme::Part;

/// The most alternatives of one content.
pub const ALTERNATIVES_MAX: usize = 2;

/// Why a content is no alternative of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlternativeError {
    /// It signs other parts, or the same otherwise divided.
    #[error("may differ from the first only in the port of its URL, and in fixed text without letters and digits at its end")]
    OtherParts,
    /// It is one of the others.
    #[error("says the same twice")]
    Same,
    /// There are more than are ever tried.
    #[error("may list no more than {} contents", ALTERNATIVES_MAX + 1)]
    TooMany,
    /// The first content is spelled as only an alternative may be.
    #[error("must begin with a content that holds {{url}}: only others hold {{url-other-port}}")]
    OtherPortFirst,
}

/// Judges the contents of a scheme: the first, and its alternatives.
///
/// # Errors
/// [`AlternativeError`] where one of the rules above is broken.
pub fn judge(first: &[Part], alternatives: &[Vec<Part>]) -> Result<(), AlternativeError> {
    if first.iter().any(|part| matches!(part, Part::UrlOtherPort(_))) {
        return Err(AlternativeError::OtherPortFirst);
    }
    if alternatives.len() > ALTERNATIVES_MAX {
        return Err(AlternativeError::TooMany);
    }
    for (index, content) in alternatives.iter().enumerate() {
        let known = alternatives.iter().take(index).map(Vec::as_slice).chain([first]);
        if known.into_iter().any(|known| known == content) {
            return Err(AlternativeError::Same);
        }
        if !signs_the_same(first, content) {
            return Err(AlternativeError::OtherParts);
        }
    }
    Ok(())
}

fn signs_the_same(first: &[Part], other: &[Part]) -> bool {
    let is_spelling = |(left, right): (&Part, &Part)| match (left, right) {
        (Part::Url(_), Part::UrlOtherPort(_)) => true,
        (left, right) => left == right,
    };
    let ((first, end), (other, other_end)) = (split_end(first), split_end(other));
    let is_bare = |text: &str| !text.bytes().any(|byte| byte.is_ascii_alphanumeric());
    let ends_alike = end == other_end || (is_bare(end) && is_bare(other_end));
    ends_alike && first.len() == other.len() && first.iter().zip(other).all(is_spelling)
}

/// The parts, and the fixed text behind them.
fn split_end(parts: &[Part]) -> (&[Part], &str) {
    match parts.split_last() {
        Some((Part::Literal(text), parts)) => (parts, text),
        _ => (parts, ""),
    }
}

/// The URL with the port of its scheme where it names none, and without its port where it names one.
#[must_use]
pub fn other_port(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).unwrap_or((rest, ""));
    // A password may hold a colon, and so does an address in brackets.
    let host_at = authority.rfind('@').map_or(0, |at| at.saturating_add(1));
    let address_end = authority.rfind(']').unwrap_or(host_at);
    let port_at = authority.get(address_end..).and_then(|text| text.find(':')).map(|at| at.saturating_add(address_end));
    let default = if scheme == "https" { ":443" } else { ":80" };
    match port_at.and_then(|at| authority.get(..at)) {
        Some(without) => format!("{scheme}://{without}{path}"),
        None => format!("{scheme}://{authority}{default}{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::content::parse;

    #[test]
    fn the_other_port_is_the_scheme_s_own_or_none() {
        let cases = [
            ("https://example.com/in", "https://example.com:443/in"),
            ("http://example.com/in", "http://example.com:80/in"),
            ("https://example.com:443/in", "https://example.com/in"),
            ("http://example.com:1234/in:2", "http://example.com/in:2"),
            ("https://user:pass@example.com/in", "https://user:pass@example.com:443/in"),
            ("https://user:p@ss@example.com:8443/", "https://user:p@ss@example.com/"),
            ("https://[2001:db8::1]/in", "https://[2001:db8::1]:443/in"),
            ("https://[2001:db8::1]:8443/in", "https://[2001:db8::1]/in"),
        ];
        for (url, other) in cases {
            assert_eq!(other_port(url), other, "{url}");
        }
    }

    #[test]
    fn an_alternative_signs_what_the_first_signs() {
        use AlternativeError::{OtherParts, OtherPortFirst, Same, TooMany};
        let cases: [(&[&str], _); 14] = [
            (&["{body}"], Ok(())),
            (&["{body}", "{body}\n", "{body}\r\n"], Ok(())),
            (&["{url}{body}", "{url-other-port}{body}"], Ok(())),
            (&["{id}.{body}\n", "{id}.{body}"], Ok(())),
            (&["{body}", "{body}"], Err(Same)),
            (&["{body}", "{body}\n", "{body}\n"], Err(Same)),
            (&["{body}", "{body}\n", "{body}.", "{body}|"], Err(TooMany)),
            (&["{body}{timestamp}", "{body}{timestamp}1"], Err(OtherParts)),
            (&["{url-other-port}{body}", "{url}{body}"], Err(OtherPortFirst)),
            // What divides the parts must do so in all of them.
            (&["{id}.{body}", "{id}:{body}"], Err(OtherParts)),
            (&["{id}.{body}", "v1.{id}.{body}"], Err(OtherParts)),
            (&["{id}.{body}", "{timestamp}.{body}"], Err(OtherParts)),
            (&["{timestamp}.{body}", "{body}"], Err(OtherParts)),
            (&["{body}", "{sha256:body}"], Err(OtherParts)),
        ];
        for (texts, expected) in cases {
            let mut contents: Vec<_> = texts.iter().map(|text| parse(text).unwrap()).collect();
            let first = contents.remove(0);
            assert_eq!(judge(&first, &contents), expected, "{texts:?}");
        }
    }
}
