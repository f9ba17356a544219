//! Atlassian's canonical request, whose SHA-256 a token of Connect claims as `qsh`. Pure.
//!
//! `METHOD&path&query`: the path behind the app's base URL, without its last slash, `&` escaped in it; the query's fields decoded,
//! without `jwt`, sorted, escaped anew as RFC 3986 says, the values of one name sorted and divided by commas.
//!
//! Another order of fields, or of the values of one name, is the same request, and so is `+` for a space: the claim says no more.

use std::collections::BTreeMap;

use data_encoding::HEXUPPER;

use super::locate::form::Form;

/// The field of the query that may hold the token itself.
const TOKEN_FIELD: &str = "jwt";

/// The canonical path of a URL behind a base URL.
#[must_use]
pub fn path(url: &str, base: &str) -> String {
    let path_of = |url: &str| url.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap_or_default();
    let (path, base) = (path_of(url), path_of(base));
    let base = base.trim_end_matches('/');
    let behind = path.strip_prefix(base).filter(|rest| rest.is_empty() || rest.starts_with('/')).unwrap_or(&path);
    let behind = behind.strip_suffix('/').unwrap_or(behind);
    if behind.is_empty() { "/".to_owned() } else { behind.replace('&', "%26") }
}

/// The canonical query; `None` for one that is read in more than one way.
#[must_use]
pub fn query(text: &str) -> Option<String> {
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in Form::parse(text.as_bytes())?.fields()? {
        // Two readers that sort differently agree about ASCII.
        if !name.is_ascii() {
            return None;
        }
        if name != TOKEN_FIELD && !(name.is_empty() && value.is_empty()) {
            fields.entry(name).or_default().push(value);
        }
    }
    let written = fields.into_iter().map(|(name, mut values)| {
        values.sort_unstable();
        let values: Vec<_> = values.iter().map(|value| escaped(value)).collect();
        format!("{}={}", escaped(&name), values.join(","))
    });
    Some(written.collect::<Vec<_>>().join("&"))
}

/// Every byte but RFC 3986's unreserved ones as `%` and its hex.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            escaped.push_str(&HEXUPPER.encode(&[byte]));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `createCanonicalRequest` of `@atlassian/atlassian-jwt` 2.2.0 says, and Atlassian's pages.
    #[test]
    fn paths() {
        for (url, base, expected) in [
            ("https://example.com/jira/webhook/issue_created", "https://example.com/jira", "/webhook/issue_created"),
            ("https://addon.example.com/jira-connector", "https://addon.example.com/jira-connector", "/"),
            ("https://addon.example.com/jira-connector/", "https://addon.example.com/jira-connector", "/"),
            ("https://addon.example.com/jira-connector/issue", "https://addon.example.com/jira-connector/", "/issue"),
            ("https://addon.example.com/issue/", "https://addon.example.com", "/issue"),
            ("https://addon.example.com/", "https://addon.example.com/", "/"),
            ("https://example.com/rest/project&a=b", "https://example.com", "/rest/project%26a=b"),
            ("https://example.com/a%20b", "https://example.com", "/a%20b"),
        ] {
            assert_eq!(path(url, base), expected, "{url}");
        }
    }

    /// A hundred requests and their canonical ones, made by that library: base URL, URL, canonical request.
    #[test]
    fn requests_are_what_atlassians_own_library_says() {
        let cases = include_str!("../../tests/canonical/atlassian-jwt-2.2.0.tsv");
        for case in cases.lines() {
            let [base, url, expected] = case.split('\t').collect::<Vec<_>>()[..] else { panic!("{case}") };
            let (url, text) = url.split_once('?').unwrap_or((url, ""));
            assert_eq!(format!("POST&{}&{}", path(url, base), query(text).unwrap()), expected, "{case}");
        }
        assert_eq!(cases.lines().count(), 100);
    }

    #[test]
    fn queries() {
        for (text, expected) in [
            ("", Some("")),
            ("user_id=admin&b=2&a=x,y&a=1", Some("a=1,x%2Cy&b=2&user_id=admin")),
            ("a=1&jwt=abc.def.ghi", Some("a=1")),
            ("jwt=a", Some("")),
            ("a+b=c+d&e=%20", Some("a%20b=c%20d&e=%20")),
            ("a=!'()*~&b", Some("a=%21%27%28%29%2A~&b=")),
            ("a=%C3%A9", Some("a=%C3%A9")),
            ("a=1&&b=2", Some("a=1&b=2")),
            ("A=1&a=2", Some("A=1&a=2")),
            ("a=%", None),
            ("a=%FF", None),
            ("%C3%A9=1", None),
            ("a=\"", None),
        ] {
            assert_eq!(query(text).as_deref(), expected, "{text}");
        }
    }
}
