//! The bodies that are compared: what two readers of JSON, of line ends or of Unicode could read differently.

/// `AT` stands for the time in milliseconds, `ID` for a fresh id. Every body has the members that a provider's SDK looks for.
pub(super) const BODIES: [&str; 8] = [
    r#"{"id":"evt_ID","type":"invoice.paid","event":"a","time_ms":AT,"webhookTimestamp":AT,"events":[]}"#,
    "{\"id\":\"evt_ID\",\"type\":\"a\",\"note\":\"café ☕ 日本語 😀 e\u{301}\",\"event\":\"a\",\"time_ms\":AT,\"webhookTimestamp\":AT,\"events\":[]}",
    r#"{"id":"evt_ID","note":"caf\u00e9 \/ \ud83d\ude00 <b>&amp;</b>","event":"a","time_ms":AT,"webhookTimestamp":AT,"events":[]}"#,
    "{\n  \"id\": \"evt_ID\",\n  \"event\": \"a\",\n  \"time_ms\": AT,\n  \"webhookTimestamp\": AT,\n  \"events\": [ ]\n}\n",
    "{\r\n\t\"id\" : \"evt_ID\",\r\n\t\"event\" : \"a\",\r\n\t\"time_ms\" : AT,\r\n\t\"webhookTimestamp\" : AT,\r\n\t\"events\" : []\r\n}",
    r#"{"id":"evt_ID","n":[1.0,1e3,-0,10000000000000000001,0.1e-7],"event":"a","time_ms":AT,"webhookTimestamp":AT,"events":[]}"#,
    r#"{"z":1,"a":{"z":1,"a":2},"id":"evt_ID","id2":"x","event":"a","time_ms":AT,"webhookTimestamp":AT,"events":[]}  "#,
    r#"{"id":"evt_ID","pad":"LONG","event":"a","time_ms":AT,"webhookTimestamp":AT,"events":[]}"#,
];

/// The same without numbers that the canonical form of JSON would lose.
pub(super) const CANONICAL: [&str; 7] = [BODIES[0], BODIES[1], BODIES[2], BODIES[3], BODIES[4], BODIES[6], BODIES[7]];

/// The same as forms: escapes, order, a key twice, nothing at all.
pub(super) const FORMS: [&str; 6] = [
    "MessageSid=evt_ID&Body=Hello+World&From=%2B14155551234",
    "Body=caf%C3%A9+%E2%98%95+%F0%9F%98%80&MessageSid=evt_ID&Empty=",
    "b=2&a=1&B=3&A=4&Aa=5&MessageSid=evt_ID",
    "a=1&a=2&a=1&MessageSid=evt_ID&a=%26%3D%25",
    "Body=%0D%0A%09&MessageSid=evt_ID&%C3%A9=x",
    "MessageSid=evt_ID&Body=LONG",
];

/// The same without a key that has one value twice, which not all sign once.
pub(super) const FORMS_OF_SINGLE_VALUES: [&str; 5] = [FORMS[0], FORMS[1], FORMS[2], FORMS[4], FORMS[5]];

/// Calls in a query: order, escapes, a key twice, nothing at all.
pub(super) const CALLS: [&str; 4] = [
    "To=15557654321&From=15551234567&MessageUUID=evt_ID",
    "b=2&a=1&B=3&A=4&Aa=5&MessageUUID=evt_ID",
    "a=1&a=2&a=1&MessageUUID=evt_ID&Empty=",
    "Text=a+%26+b%3Dc%2B%25&MessageUUID=evt_ID",
];

/// Pages of a shop, before they are signed: for nobody and for a customer.
pub(super) const PAGES: [&str; 2] = [
    "shop=evt_ID.myshopify.com&logged_in_customer_id=&path_prefix=%2Fapps%2Freviews",
    "path_prefix=%2Fa%2Fb%2520c&logged_in_customer_id=6012345678901&shop=evt_ID.myshopify.com",
];

/// Kinds of notifications that Braintree's SDKs make and sign, each with its id.
pub(super) const NOTIFICATIONS: [&str; 4] =
    ["dispute_opened evt_ID", "subscription_charged_successfully evt_ID", "transaction_settled evt_ID", "check evt_ID"];

/// Adyen's items, before they are signed: bare, with what divides the fields of what is signed, in other scripts.
pub(super) const ITEMS: [&str; 3] = [
    r#"{"live":"false","notificationItems":[{"NotificationRequestItem":{"pspReference":"evt_ID","merchantAccountCode":"M","eventCode":"AUTHORISATION","success":"true","amount":{"currency":"EUR","value":1000}}}]}"#,
    r#"{"notificationItems":[{"NotificationRequestItem":{"pspReference":"evt_ID","originalReference":"o","merchantAccountCode":"M","merchantReference":"a:b:c","eventCode":"REFUND","success":"false","amount":{"currency":"JPY","value":0}}}]}"#,
    r#"{"notificationItems":[{"NotificationRequestItem":{"pspReference":"evt_ID","merchantAccountCode":"M","merchantReference":"café ☕ 😀 \\ \"","eventCode":"CAPTURE","success":"true","amount":{"currency":"USD","value":12345}}}]}"#,
];

/// Amazon SNS's messages, before they are signed: bare, with a subject, in other scripts and with line ends.
pub(super) const MESSAGES: [&str; 3] = [
    r#"{"Type":"Notification","MessageId":"ID","TopicArn":"arn:aws:sns:eu-west-1:123456789012:t","Message":"evt_ID","SigningCertURL":"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-00000000000000000000000000000000.pem"}"#,
    r#"{"Type":"Notification","MessageId":"ID","TopicArn":"arn:aws:sns:eu-west-1:123456789012:t","Subject":"a: b","Message":"evt_ID {\"a\":1}","SigningCertURL":"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-00000000000000000000000000000000.pem"}"#,
    r#"{"Type":"Notification","MessageId":"ID","TopicArn":"arn:aws:sns:eu-west-1:123456789012:t","Message":"evt_ID café ☕ 😀\nMessageId\n1","SigningCertURL":"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-00000000000000000000000000000000.pem"}"#,
];

/// Mailgun's events, before their time and token are signed.
pub(super) const EVENTS: [&str; 2] = [
    r#"{"signature":{"timestamp":"","token":"evt_ID","signature":""},"event-data":{"event":"opened","id":"ID"}}"#,
    r#"{ "event-data": { "event": "delivered", "note": "café ☕" }, "signature": { "token": "evt_ID", "timestamp": "", "signature": "" } }"#,
];

/// Those of the JSON bodies that are the same bytes after they were parsed and written anew.
pub(super) const REWRITTEN_ALIKE: [usize; 3] = [0, 1, 7];

const LONG_BYTES: usize = 96 << 10;

/// A body with its blanks filled.
pub(super) fn filled(template: &str, at: i64, id: &str) -> String {
    let long = "0123456789abcdef".repeat(LONG_BYTES / 16);
    template.replace("AT", &(at * 1000).to_string()).replace("ID", id).replace("LONG", &long)
}

/// The text with one digit, from a place on, exchanged for another of the same alphabet.
pub(super) fn with_another_digit(text: &str, at: usize) -> String {
    let other = match text.as_bytes()[at] {
        digit @ b'0'..=b'9' => digit ^ 1,
        b'a' => b'b',
        b'A' => b'B',
        _ if text.as_bytes()[at].is_ascii_uppercase() => b'A',
        _ => b'a',
    };
    format!("{}{}{}", &text[..at], char::from(other), &text[at + 1..])
}
