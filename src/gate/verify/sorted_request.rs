//! URL, query and form in one text, as Plivo's V3 joins them. Pure.
//!
//! 1. The integration's own URL, then `?` and the query's fields as `name=value` divided by `&`, then the form's as `namevalue`
//!    with nothing between. Both are decoded and sorted by name, then by value; what is given twice stands there twice.
//! 2. Where there is a query and a form, a dot divides them; where there is neither, no `?` stands there.
//! 3. Nothing in it is escaped. Whoever captured a delivery could cut it up in another way; that is the same delivery, since the
//!    text is.
//! 4. The order in which the fields came is not signed.

use super::envelope::Around;
use super::error::VerifyError;
use crate::domain::head::Received;
use crate::provider::locate::form::Form;

/// Appends it.
pub(super) fn append(base: &str, received: &Received, bytes: &mut Around) -> Result<(), VerifyError> {
    if base.is_empty() {
        return Err(VerifyError::Unbound);
    }
    let query = sorted(received.head.query().unwrap_or_default().as_bytes()).ok_or(VerifyError::UrlMalformed)?;
    let form = sorted(&received.body.contiguous()).ok_or(VerifyError::FormMalformed)?;
    bytes.extend_from_slice(base.as_bytes());
    for (index, (name, value)) in query.iter().enumerate() {
        bytes.push(if index == 0 { b'?' } else { b'&' });
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(b'=');
        bytes.extend_from_slice(value.as_bytes());
    }
    if !form.is_empty() {
        bytes.push(if query.is_empty() { b'?' } else { b'.' });
    }
    for text in form.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(text.as_bytes());
    }
    Ok(())
}

/// A field without a name is one to some readers and none to others.
fn sorted(text: &[u8]) -> Option<Vec<(String, String)>> {
    let mut fields = Form::parse(text)?.fields()?;
    fields.sort_unstable();
    fields.iter().all(|(name, _)| !name.is_empty()).then_some(fields)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method};

    use super::*;
    use crate::domain::body::RawBody;
    use crate::domain::head::Head;

    const BASE: &str = "https://example.com/in";

    fn text(query: &str, form: &str) -> Result<String, VerifyError> {
        let target = format!("/in{}{query}", if query.is_empty() { "" } else { "?" }).parse().unwrap();
        let head = Head { method: Method::POST, target, headers: HeaderMap::new() };
        let received = Received { head, body: RawBody::from(Bytes::from(form.to_owned())) };
        let mut bytes = Around::new();
        append(BASE, &received, &mut bytes)?;
        Ok(String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn query_and_form_are_sorted_and_joined() {
        for (query, form, expected) in [
            ("", "", ""),
            ("b=2&a=1", "", "?a=1&b=2"),
            ("", "b=2&a=1", "?a1b2"),
            ("b=2&a=1", "d=4&c=3", "?a=1&b=2.c3d4"),
            ("a=%C3%A9+%26&a", "", "?a=&a=é &"),
            ("a=2&a=1&a=2", "b=2&b=1&b=2", "?a=1&a=2&a=2.b1b2b2"),
            ("ab=1&a=b", "", "?a=b&ab=1"),
        ] {
            assert_eq!(text(query, form), Ok(format!("{BASE}{expected}")), "{query} {form}");
        }
    }

    #[test]
    fn what_two_readers_read_in_two_ways_is_refused() {
        for query in ["=1", "a=1&&b=2", "a=1&", "a=%", "a=%FF"] {
            assert_eq!(text(query, ""), Err(VerifyError::UrlMalformed), "{query}");
        }
        for form in ["=1", "a=1&&b=2", "{}", "a=%FF", "a b"] {
            assert_eq!(text("", form), Err(VerifyError::FormMalformed), "{form}");
        }
    }
}
