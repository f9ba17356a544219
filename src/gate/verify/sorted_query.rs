//! The query's fields as `name=value` in the order of their names with nothing between, as Shopify signs an app proxy's. Pure.
//!
//! What was signed says where no field ends, and whoever asks for a page chooses some of them. So a query is taken only if it is
//! the one way to cut the signed text up:
//! 1. Its names are those of the scheme's list, written plainly, and the signature's once. The provider's own stand once each.
//! 2. No value holds `=`, and none of the provider's own a comma, which divides the values of a name that is given twice.
//! 3. `+` and `;` are refused, and a field without `=`, since two readers would disagree about them. Values are decoded; another
//!    spelling of the same value is the same delivery, and so is another order of the fields.

use std::collections::BTreeMap;

use super::envelope::Around;
use super::error::VerifyError;
use crate::domain::head::Received;
use crate::provider::locate::form::Form;
use crate::provider::scheme::{Locator, QueryField};

/// Appends the fields of the list.
pub(super) fn append(
    fields: &[QueryField],
    signature: &Locator,
    received: &Received,
    bytes: &mut Around,
) -> Result<(), VerifyError> {
    let query = received.head.query().unwrap_or_default();
    let values = read(fields, signature, query).ok_or(VerifyError::UrlMalformed)?;
    for field in fields {
        match values.get(field.name.as_str()) {
            Some(values) => {
                bytes.extend_from_slice(field.name.as_bytes());
                bytes.push(b'=');
                bytes.extend_from_slice(values.join(",").as_bytes());
            }
            None if field.is_optional => {}
            None => return Err(VerifyError::FieldMissing { place: Locator::Query(field.name.clone()) }),
        }
    }
    Ok(())
}

/// The values of each name; `None` for a query that is read in more than one way.
fn read<'f>(fields: &'f [QueryField], signature: &Locator, query: &str) -> Option<BTreeMap<&'f str, Vec<String>>> {
    let written = query.split('&').map(|pair| pair.split_once('='));
    let is_plain = Form::parse(query.as_bytes())?.is_small() && !query.contains(['+', ';']);
    let decoded = Form::parse(query.as_bytes()).filter(|_| is_plain)?.fields()?;
    let mut values: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (pair, (name, value)) in written.zip(decoded) {
        if pair?.0 != name {
            return None;
        }
        if *signature == Locator::Query(name.clone()) {
            continue;
        }
        let field = fields.iter().find(|field| field.name == name)?;
        let known = values.entry(&field.name).or_default();
        let is_free = field.is_optional || (known.is_empty() && !value.contains(','));
        if !is_free || value.contains('=') {
            return None;
        }
        known.push(value);
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method};
    use proptest::prelude::*;

    use super::*;
    use crate::domain::body::RawBody;
    use crate::domain::head::Head;
    use crate::provider::content;
    use crate::provider::scheme::Part;

    const LIST: &str = "{sorted-query:extra?,logged_in_customer_id,path_prefix,shop,timestamp}{no-body}";

    fn text(query: &str) -> Result<String, VerifyError> {
        let Some(Part::SortedQuery(fields)) = content::parse(LIST).unwrap().into_iter().next() else { panic!("{LIST}") };
        let head = Head { method: Method::GET, target: format!("/in?{query}").parse().unwrap(), headers: HeaderMap::new() };
        let received = Received { head, body: RawBody::from(Bytes::new()) };
        let mut bytes = Around::new();
        append(&fields, &Locator::Query("signature".to_owned()), &received, &mut bytes)?;
        Ok(String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn fields_are_written_in_the_order_of_the_list() {
        let own = "logged_in_customer_id=path_prefix=/a/bshop=s.example.comtimestamp=1";
        for (query, expected) in [
            ("shop=s.example.com&timestamp=1&path_prefix=%2Fa%2Fb&logged_in_customer_id=", own.to_owned()),
            ("signature=aa&shop=s%2Eexample.com&timestamp=1&path_prefix=/a/b&logged_in_customer_id=", own.to_owned()),
            (
                "extra=1&extra=2&shop=s.example.com&timestamp=1&path_prefix=/a/b&logged_in_customer_id=&extra=%C3%A9,%20",
                format!("extra=1,2,é, {own}"),
            ),
        ] {
            assert_eq!(text(query), Ok(expected), "{query}");
        }
        let missing = |name: &str| Err(VerifyError::FieldMissing { place: Locator::Query(name.to_owned()) });
        assert_eq!(text("shop=s&timestamp=1&path_prefix=/a"), missing("logged_in_customer_id"));
        assert_eq!(text("logged_in_customer_id=&shop=s&path_prefix=/a"), missing("timestamp"));
    }

    /// A visitor who is not logged in asked for a page with fields of their own; the provider signed them with its own, and this
    /// is the text cut up so that the visitor is customer 42.
    #[test]
    fn what_was_signed_for_other_fields_is_refused() {
        let own = "path_prefix=/a&shop=s&timestamp=1";
        for (what, query) in [
            ("a value with `=`", "extra=1&logged_in_customer_id=42&m=logged_in_customer_id%3D"),
            ("a name that is none of the list", "extra=1&logged_in_customer_id=42&m=l&ogged_in_customer_id="),
            ("a field of the visitor's behind", "logged_in_customer_id=m&n=1"),
            ("an own field twice", "logged_in_customer_id=&logged_in_customer_id=42"),
            ("two values in one", "logged_in_customer_id=42,"),
            ("`=` in an optional value", "extra=1logged_in_customer_id%3D42&logged_in_customer_id="),
        ] {
            assert_eq!(text(&format!("{query}&{own}")), Err(VerifyError::UrlMalformed), "{what}");
        }
    }

    /// The text that the provider signs for a visitor's fields and its own.
    fn signed(visitors: &[(String, String)], customer: &str) -> String {
        let own = [("logged_in_customer_id", customer), ("path_prefix", "/a"), ("shop", "s"), ("timestamp", "1")];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut fields: Vec<String> = visitors.iter().chain(&own).map(|(name, value)| format!("{name}={value}")).collect();
        fields.sort_unstable();
        fields.concat()
    }

    /// Every `=` taken for the end of a name of the list, as whoever cuts a text up must.
    fn cut_up(text: &str) -> Option<Vec<(&str, &str)>> {
        let names = ["extra", "logged_in_customer_id", "path_prefix", "shop", "timestamp"];
        let mut fields: Vec<(&str, &str)> = Vec::new();
        let mut pieces = text.split('=');
        let mut name = names.into_iter().find(|name| pieces.next() == Some(name))?;
        for piece in pieces {
            let next = names.into_iter().find(|name| piece.ends_with(name)).unwrap_or_default();
            fields.push((name, piece.strip_suffix(next)?));
            name = next;
        }
        Some(fields)
    }

    proptest! {
        #[test]
        fn no_visitor_passes_for_another_customer(
            pieces in proptest::collection::vec(("(extra|logged_in_customer_id|m|1|shop|=){0,3}", "(42|=|logged_in_customer_id|path_prefix|shop|timestamp|m|,|/a){0,5}"), 0..3),
            customer in "(|7)",
        ) {
            let text_signed = signed(&pieces, &customer);
            let Some(fields) = cut_up(&text_signed) else { return Ok(()) };
            let query: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
            if text(&query.join("&")).as_ref() == Ok(&text_signed) {
                let own = |wanted: &str| fields.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
                prop_assert_eq!(own("logged_in_customer_id"), Some(customer.as_str()));
                prop_assert_eq!((own("path_prefix"), own("shop"), own("timestamp")), (Some("/a"), Some("s"), Some("1")));
            }
        }
    }

    #[test]
    fn what_two_readers_read_in_two_ways_is_refused() {
        let own = "logged_in_customer_id=&path_prefix=/a&shop=s";
        for last in [
            "timestamp=1&",
            "timestamp",
            "timestamp=1+1",
            "timestamp=1;a=2",
            "timestam%70=1",
            "timestamp=%",
            "timestamp=%FF",
            "&timestamp=1",
        ] {
            assert_eq!(text(&format!("{own}&{last}")), Err(VerifyError::UrlMalformed), "{last}");
        }
    }
}
