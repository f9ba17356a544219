//! A form as PHP's `serialize` writes a list of texts: `a:2:{s:1:"a";s:1:"1";s:1:"b";s:0:"";}`. Pure.
//!
//! Each text stands behind its length in bytes, so no two forms are written alike. What PHP itself would read in another way
//! than the text says is refused:
//! 1. A name is a letter or `_`, then also digits: PHP makes numbers of some names, lists of those with brackets, and `_` of
//!    dots and spaces. Such names sort by their bytes for everybody.
//! 2. A name that stands twice: PHP takes the last, others the first.
//!
//! The field that holds the signature is no part of it. The order in which the fields came is not signed.

use super::error::VerifyError;
use crate::domain::body::RawBody;
use crate::provider::locate::form::Form;
use crate::provider::scheme::Locator;

/// The form but the field at the signature's place.
pub(super) fn written(signature: &Locator, body: &RawBody) -> Result<Vec<u8>, VerifyError> {
    let body = body.contiguous();
    let mut fields = Form::parse(&body).and_then(|form| form.fields()).ok_or(VerifyError::FormMalformed)?;
    fields.sort_unstable();
    let is_twice = fields.iter().zip(fields.iter().skip(1)).any(|((one, _), (next, _))| one == next);
    if is_twice || !fields.iter().all(|(name, _)| is_plain(name)) {
        return Err(VerifyError::FormMalformed);
    }
    fields.retain(|(name, _)| !matches!(signature, Locator::Form(own) if own == name));
    let mut written = format!("a:{}:{{", fields.len()).into_bytes();
    for text in fields.iter().flat_map(|(name, value)| [name, value]) {
        written.extend_from_slice(format!("s:{}:\"", text.len()).as_bytes());
        written.extend_from_slice(text.as_bytes());
        written.extend_from_slice(b"\";");
    }
    written.push(b'}');
    Ok(written)
}

fn is_plain(name: &str) -> bool {
    let begins = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    name.bytes().next().is_some_and(begins) && name.bytes().all(|byte| begins(byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn text(form: &str) -> Result<String, VerifyError> {
        let written = written(&Locator::Form("p_signature".to_owned()), &RawBody::from(Bytes::from(form.to_owned())));
        written.map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn fields_are_sorted_counted_and_measured_in_bytes() {
        for (form, expected) in [
            ("b=&a=1", r#"a:2:{s:1:"a";s:1:"1";s:1:"b";s:0:"";}"#),
            ("p_signature=AAAA&a=%C3%A9", r#"a:1:{s:1:"a";s:2:"é";}"#),
            ("a_b=1&a=2&aB=3", r#"a:3:{s:1:"a";s:1:"2";s:2:"aB";s:1:"3";s:3:"a_b";s:1:"1";}"#),
            ("a=%22%3Bs%3A1%3A%22", r#"a:1:{s:1:"a";s:7:"";s:1:"";}"#),
            ("", "a:0:{}"),
        ] {
            assert_eq!(text(form).as_deref(), Ok(expected), "{form}");
        }
    }

    /// A hundred forms and what PHP 8.2 makes of them: `parse_str`, `unset`, `ksort`, `serialize`.
    #[test]
    fn forms_are_written_as_php_itself_writes_them() {
        let cases = include_str!("../../../tests/canonical/php-8.2-serialize.tsv");
        for case in cases.lines() {
            let (form, expected) = case.split_once('\t').unwrap();
            assert_eq!(text(form).as_deref(), Ok(expected), "{form}");
        }
        assert_eq!(cases.lines().count(), 100);
    }

    #[test]
    fn what_php_reads_otherwise_is_refused() {
        for form in
            ["1=a", "-1=a", "a[]=1", "a%5Bb%5D=1", "a.b=1", "a%20b=1", "=1", "a=1&a=2", "a=1&&b=2", "%C3%A9=1", "a=%FF", "{}"]
        {
            assert_eq!(text(form), Err(VerifyError::FormMalformed), "{form}");
        }
    }
}
