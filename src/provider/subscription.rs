//! Subscriptions of Amazon SNS: which topic an integration is for, and how its subscription is confirmed.
//!
//! SNS signs for everybody: anyone can make a topic, point it at our URL and have messages signed. So:
//! 1. An integration that names its topic takes no other's messages, whatever their signature.
//! 2. A confirmation of that topic is answered here, by visiting a URL that is made of the topic and the signed token: nothing
//!    of the message decides where we connect. `SubscribeURL` must say exactly the same, or the confirmation is refused.
//! 3. The host follows from the region and partition of the topic that the configuration names.
//! 4. An integration without a topic forwards confirmations like any delivery, as it does everything else.
//! 5. `UnsubscribeConfirmation` is forwarded: the receiver should learn that nothing more will come.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use super::locate::{Pointer, form};
use super::scheme::Locator;
use crate::domain::https_url::HttpsUrl;

/// The option that names the topic.
pub const TOPIC_OPTION: &str = "topic_arn";
/// What it is, for people.
pub const TOPIC_OPTION_IS: &str =
    "the ARN of the topic: other topics are refused, and its subscription is confirmed here; without it both are the receiver's";
const TOKEN_BYTES_MAX: usize = 1024;

/// A topic: `arn:PARTITION:sns:REGION:ACCOUNT:NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicArn {
    text: String,
    host: String,
}

/// Why a text names no topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the ARN of a topic, such as arn:aws:sns:eu-west-1:123456789012:orders")]
pub struct TopicArnError;

impl TopicArn {
    /// The ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host of SNS in its region.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for TopicArn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl FromStr for TopicArn {
    type Err = TopicArnError;

    fn from_str(text: &str) -> Result<Self, TopicArnError> {
        let parts: Vec<&str> = text.split(':').collect();
        let &[arn, partition, service, region, account, name] = parts.as_slice() else { return Err(TopicArnError) };
        let suffix = match partition {
            "aws" | "aws-us-gov" => "amazonaws.com",
            "aws-cn" => "amazonaws.com.cn",
            _ => return Err(TopicArnError),
        };
        let fits_region = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let names_region = (3..=32).contains(&region.len()) && region.bytes().all(fits_region) && !region.starts_with('-');
        let names_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let fits_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let names_topic = (1..=256).contains(&name.len()) && name.bytes().all(fits_name);
        if arn != "arn" || service != "sns" || !names_region || region.ends_with('-') || !names_account || !names_topic {
            return Err(TopicArnError);
        }
        Ok(Self { text: text.to_owned(), host: format!("sns.{region}.{suffix}") })
    }
}

/// A provider whose subscriptions have to be confirmed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// The integration's topic, where it names one.
    pub topic: Option<TopicArn>,
}

/// Why a message whose signature holds is not for this integration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionError {
    /// It is of another topic, or of none.
    #[error("the message is of another topic")]
    OtherTopic,
    /// Its token is absent or none.
    #[error("the confirmation has no token")]
    Token,
    /// Its URL leads elsewhere.
    #[error("the confirmation's URL is not the one of its topic and token")]
    Url,
}

/// What [`Subscription::judge`] asks about: type, topic, token, URL.
#[must_use]
pub fn places() -> &'static [Locator] {
    static PLACES: LazyLock<[Locator; 4]> =
        LazyLock::new(|| ["Type", "TopicArn", "Token", "SubscribeURL"].map(|key| Locator::Json(Pointer::to_member(key))));
    &*PLACES
}

impl Subscription {
    /// Judges a message whose signature holds. `found` is what stands at [`places`].
    ///
    /// # Errors
    /// [`SubscriptionError`] for what is not for this integration, or is no confirmation that could be followed.
    pub fn judge(&self, found: [Option<&str>; 4]) -> Result<Option<HttpsUrl>, SubscriptionError> {
        let Some(topic) = &self.topic else { return Ok(None) };
        let [kind, named, token, url] = found;
        if named != Some(topic.as_str()) {
            return Err(SubscriptionError::OtherTopic);
        }
        if kind != Some("SubscriptionConfirmation") {
            return Ok(None);
        }
        let token = token.filter(|token| is_token(token)).ok_or(SubscriptionError::Token)?;
        let url = url.ok_or(SubscriptionError::Url)?;
        says_the_same(topic, token, url).then_some(()).ok_or(SubscriptionError::Url)?;
        let own = format!("https://{}/?Action=ConfirmSubscription&TopicArn={topic}&Token={token}", topic.host);
        own.parse().map(Some).map_err(|_| SubscriptionError::Url)
    }
}

fn is_token(token: &str) -> bool {
    (1..=TOKEN_BYTES_MAX).contains(&token.len())
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Whether a URL is the one that confirms this topic with this token, its fields in any order and nothing besides.
fn says_the_same(topic: &TopicArn, token: &str, url: &str) -> bool {
    let Ok(parsed) = url.parse::<HttpsUrl>() else { return false };
    let Some(query) = parsed.target().strip_prefix("/?") else { return false };
    let wanted = [("Action", "ConfirmSubscription"), ("TopicArn", topic.as_str()), ("Token", token)];
    let pairs: Vec<_> = query.split('&').collect();
    let has = |(key, value): &(&str, &str)| {
        let says = |pair: &&&str| {
            pair.split_once('=')
                .is_some_and(|(known, text)| known == *key && form::decode(text.as_bytes()).as_deref() == Some(*value))
        };
        pairs.iter().filter(says).count() == 1
    };
    parsed.host() == topic.host && pairs.len() == wanted.len() && wanted.iter().all(has)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:sns:eu-west-1:123456789012:orders";
    const GOOD: &str = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:123456789012:orders&Token=2336412f37";

    fn judge(arn: &str, url: &str) -> Result<Option<String>, SubscriptionError> {
        let subscription = Subscription { topic: Some(arn.parse().unwrap()) };
        let found = [Some("SubscriptionConfirmation"), Some(arn), Some("2336412f37"), Some(url)];
        subscription.judge(found).map(|url| url.map(|url| url.to_string()))
    }

    #[test]
    fn topics_have_one_spelling() {
        for good in [ARN, "arn:aws-cn:sns:cn-north-1:123456789012:a", "arn:aws-us-gov:sns:us-gov-west-1:123456789012:a.fifo"] {
            assert!(good.parse::<TopicArn>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "arn:aws:sqs:eu-west-1:123456789012:orders",
            "arn:aws:sns:eu-west-1:123456789012:orders:subscription",
            "arn:evil:sns:eu-west-1:123456789012:orders",
            "arn:aws:sns:evil.com/:123456789012:orders",
            "arn:aws:sns:eu-west-1.evil:123456789012:orders",
            "arn:aws:sns::123456789012:orders",
            "arn:aws:sns:EU-WEST-1:123456789012:orders",
            "arn:aws:sns:eu-west-1:12345678901:orders",
            "arn:aws:sns:eu-west-1:123456789012:a&b",
            "arn:aws:sns:eu-west-1:123456789012:",
        ] {
            assert!(bad.parse::<TopicArn>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_the_url_of_the_topic_and_the_token_confirms() {
        assert_eq!(judge(ARN, GOOD), Ok(Some(GOOD.to_owned())));
        let other_order = "https://sns.eu-west-1.amazonaws.com/?Token=2336412f37&TopicArn=arn%3Aaws%3Asns%3Aeu-west-1%3A123456789012%3Aorders&Action=ConfirmSubscription";
        assert_eq!(judge(ARN, other_order), Ok(Some(GOOD.to_owned())), "what is visited is made here");
        let china = "arn:aws-cn:sns:cn-north-1:123456789012:orders";
        let url =
            format!("https://sns.cn-north-1.amazonaws.com.cn/?Action=ConfirmSubscription&TopicArn={china}&Token=2336412f37");
        assert_eq!(judge(china, &url), Ok(Some(url.clone())));
        assert_eq!(judge(china, &url.replace(".com.cn", ".com")), Err(SubscriptionError::Url));
        let query = GOOD.split_once("/?").unwrap().1;
        let wrong = [
            GOOD.replace("https", "http"),
            GOOD.replace("https", "HTTPS"),
            GOOD.replace("sns.eu", "SNS.eu"),
            GOOD.replace(".com/", ".com./"),
            GOOD.replace(".com/", ".com:443/"),
            GOOD.replace(".com/", ".com:8443/"),
            GOOD.replace(".com/", ".com@evil.com/"),
            GOOD.replace("//sns", "//user@sns"),
            GOOD.replace("//sns", "//evil.com/?@sns"),
            GOOD.replace("//sns", "//evil.com#@sns"),
            GOOD.replace("//sns", "//evil.com\\@sns"),
            GOOD.replace(".com/", ".com.evil.com/"),
            GOOD.replace(".com/", ".com.cn/"),
            GOOD.replace("sns.eu", "xsns.eu"),
            GOOD.replace("sns.eu", "a.sns.eu"),
            GOOD.replace("eu-west-1.amazonaws", "us-east-1.amazonaws"),
            GOOD.replace("amazonaws", "amaz%6Fnaws"),
            GOOD.replace("amazonaws", "am\u{430}zonaws"),
            GOOD.replace("amazonaws", "xn--mazonaws-cmf"),
            GOOD.replace(".com/?", ".com/x?"),
            GOOD.replace(".com/?", ".com//?"),
            GOOD.replace(".com/?", ".com/%2F?"),
            GOOD.replace(".com/?", ".com?"),
            GOOD.replace("ConfirmSubscription", "DeleteTopic"),
            GOOD.replace("ConfirmSubscription", "confirmsubscription"),
            GOOD.replace("Action", "action"),
            GOOD.replace("2336412f37", "2336412f38"),
            GOOD.replace("orders&", "other&"),
            GOOD.replace("&Token=2336412f37", ""),
            format!("{GOOD}&Token=2336412f37"),
            format!("{GOOD}&Action=DeleteTopic"),
            format!("{GOOD}&Endpoint=x"),
            format!("{GOOD}#"),
            format!("{GOOD}\r\nHost: evil.com"),
            format!("{GOOD} "),
            format!("https://169.254.169.254/?{query}"),
            format!("https://[::1]/?{query}"),
            format!("https://sns.eu-west-1.amazonaws.com/?{query}&"),
            String::new(),
        ];
        for url in wrong {
            assert_eq!(judge(ARN, &url), Err(SubscriptionError::Url), "{url}");
        }
    }

    #[test]
    fn other_topics_and_tokens_are_refused_and_without_a_topic_nothing_is_said() {
        let bound = Subscription { topic: Some(ARN.parse().unwrap()) };
        let of = |kind, arn, token| bound.judge([kind, arn, token, Some(GOOD)]);
        let confirmation = Some("SubscriptionConfirmation");
        assert_eq!(of(Some("Notification"), Some(ARN), None), Ok(None));
        assert_eq!(of(Some("UnsubscribeConfirmation"), Some(ARN), Some("a")), Ok(None));
        for other in [None, Some("arn:aws:sns:eu-west-1:999999999999:orders"), Some("")] {
            assert_eq!(of(Some("Notification"), other, None), Err(SubscriptionError::OtherTopic));
            assert_eq!(of(confirmation, other, Some("2336412f37")), Err(SubscriptionError::OtherTopic));
        }
        for token in [None, Some(""), Some("a&Action=DeleteTopic"), Some("a/b")] {
            assert_eq!(of(confirmation, Some(ARN), token), Err(SubscriptionError::Token), "{token:?}");
        }
        assert_eq!(Subscription::default().judge([confirmation, None, None, None]), Ok(None));
    }
}
