//! Certificates that a delivery names by a URL: which URLs a provider has, and whose name such a certificate bears. Pure data.
//!
//! 1. The preset has the closed list of hosts and the one path. `{region}` in a host is one label of lower-case letters, digits
//!    and hyphens; `{hex:N}` in the path is N lower-case hexadecimal digits. Nothing else varies.
//! 2. The operator names the host exactly ([`CertificateRule::of_host`]): another region, or the sandbox, is another host.
//! 3. What a request names is a URL of [`HttpsUrl`]'s one spelling on that host and of that path, without a query, or it is
//!    nothing.

use crate::domain::https_url::HttpsUrl;
use crate::provider::scheme::Locator;

/// How a provider names its certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRule {
    /// Where a request names the URL. The signature need not cover it: it only picks among the provider's own certificates.
    pub place: Locator,
    path: Vec<Piece>,
    hosts: Vec<HostRule>,
}

/// A host, and the names of which a certificate from there must bear one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct HostRule {
    host: String,
    names: Vec<String>,
}

/// A piece of the path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    Text(String),
    /// So many hexadecimal digits.
    Hex(usize),
}

/// The certificates of one exact host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CertificateUrls {
    host: String,
    path: Vec<Piece>,
    names: Vec<String>,
}

/// Why a text is no rule for certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateRuleError {
    /// The path is not one.
    #[error("must be a path with `{{hex:N}}` where it varies")]
    Path,
    /// A host is not one.
    #[error("must be a host's name, in which one label may hold `{{region}}`")]
    Host,
    /// A host has no names.
    #[error("must list the names that a certificate from there may bear")]
    Names,
}

const REGION: &str = "{region}";
const HEX_DIGITS_MAX: usize = 64;

impl CertificateRule {
    /// Reads a rule; `hosts` are patterns with their names.
    ///
    /// # Errors
    /// [`CertificateRuleError`] for what could stand for a URL that nobody meant.
    pub fn new(place: Locator, path: &str, hosts: Vec<(String, Vec<String>)>) -> Result<Self, CertificateRuleError> {
        let path = pieces(path).ok_or(CertificateRuleError::Path)?;
        let read = |(host, names): (String, Vec<String>)| {
            let fits = |host: &str| url_of(&host.replace(REGION, "a"), "/").is_some() && host.matches(REGION).count() <= 1;
            match () {
                () if !fits(&host) => Err(CertificateRuleError::Host),
                () if names.is_empty() || !names.iter().all(|name| fits(name)) => Err(CertificateRuleError::Names),
                () => Ok(HostRule { host, names }),
            }
        };
        let hosts = hosts.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        if hosts.is_empty() { Err(CertificateRuleError::Host) } else { Ok(Self { place, path, hosts }) }
    }

    /// The certificates of a host, if it is one of the provider's.
    #[must_use]
    pub fn of_host(&self, host: &str) -> Option<CertificateUrls> {
        self.hosts.iter().find_map(|rule| {
            let region = region(&rule.host, host)?;
            let names = rule.names.iter().map(|name| name.replace(REGION, region)).collect();
            Some(CertificateUrls { host: host.to_owned(), path: self.path.clone(), names })
        })
    }

    /// The hosts, as the preset writes them.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().map(|rule| rule.host.as_str())
    }
}

impl CertificateUrls {
    /// The host.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The names of which a certificate must bear one.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The URL that a text is, if it is one of these.
    #[must_use]
    pub fn take(&self, text: &str) -> Option<HttpsUrl> {
        let url: HttpsUrl = text.parse().ok()?;
        (url.host() == self.host && matches(&self.path, url.target())).then_some(url)
    }
}

/// What stands for `{region}`, or nothing where there is none to stand for.
fn region<'h>(pattern: &str, host: &'h str) -> Option<&'h str> {
    let Some((before, behind)) = pattern.split_once(REGION) else { return (pattern == host).then_some("") };
    let region = host.strip_prefix(before)?.strip_suffix(behind)?;
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (!region.is_empty() && region.bytes().all(fits) && url_of(host, "/").is_some()).then_some(region)
}

fn url_of(host: &str, target: &str) -> Option<HttpsUrl> {
    format!("https://{host}{target}").parse().ok()
}

fn pieces(path: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = path;
    while let Some((text, behind)) = rest.split_once("{hex:") {
        let (count, behind) = behind.split_once('}')?;
        let count = count.parse().ok().filter(|count| (1..=HEX_DIGITS_MAX).contains(count))?;
        pieces.extend([Piece::Text(text.to_owned()), Piece::Hex(count)]);
        rest = behind;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    let plain: String = pieces.iter().map(|piece| if let Piece::Text(text) = piece { text.as_str() } else { "0" }).collect();
    let is_path = plain.starts_with('/') && !plain.contains(['?', '%', '*']);
    (is_path && url_of("host.example", &plain).is_some() && pieces.len() > 1).then_some(pieces)
}

fn matches(pieces: &[Piece], target: &str) -> bool {
    let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let rest = pieces.iter().try_fold(target.as_bytes(), |rest, piece| match piece {
        Piece::Text(text) => rest.strip_prefix(text.as_bytes()),
        Piece::Hex(count) => {
            let (digits, behind) = rest.split_at_checked(*count)?;
            digits.iter().all(is_hex).then_some(behind)
        }
    });
    rest.is_some_and(<[u8]>::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Catalogue;

    const GOOD: &str = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem";

    fn rule(provider: &str) -> CertificateRule {
        Catalogue::builtin().get(provider).unwrap().certificate.clone().unwrap()
    }

    #[test]
    fn a_host_is_one_of_the_providers_to_the_letter() {
        let sns = rule("aws-sns");
        let names = |host: &str| sns.of_host(host).map(|urls| urls.names().join(" "));
        let common = "sns.amazonaws.com sns-signing.eu-west-1.amazonaws.com sns-us-gov-west-1.amazonaws.com";
        assert_eq!(names("sns.eu-west-1.amazonaws.com").as_deref(), Some(common));
        assert_eq!(names("sns.cn-north-1.amazonaws.com.cn").as_deref(), Some("sns-cn-north-1.amazonaws.com.cn"));
        for host in [
            "",
            "sns.amazonaws.com",
            "sns..amazonaws.com",
            "sns.-.amazonaws.com",
            "sns.EU-west-1.amazonaws.com",
            "SNS.eu-west-1.amazonaws.com",
            "sns.a.b.amazonaws.com",
            "sns.eu-west-1.amazonaws.com.",
            "sns.eu-west-1.amazonaws.com.evil.example",
            "evil.example/sns.eu-west-1.amazonaws.com",
            "user@sns.eu-west-1.amazonaws.com",
            "sns.eu-west-1.amazonaws.com:443",
            "sns.eu_west.amazonaws.com",
            "sns.\u{e9}u.amazonaws.com",
            "sqs.eu-west-1.amazonaws.com",
        ] {
            assert_eq!(names(host), None, "{host}");
        }
        let paypal = rule("paypal");
        assert!(paypal.of_host("api.paypal.com").is_some() && paypal.of_host("api.sandbox.paypal.com").is_some());
        assert!(paypal.of_host("www.paypal.com").is_none() && paypal.of_host("api.evil.paypal.com").is_none());
    }

    #[test]
    fn a_url_is_one_of_the_hosts_or_nothing() {
        let urls = rule("aws-sns").of_host("sns.eu-west-1.amazonaws.com").unwrap();
        assert_eq!(urls.take(GOOD).map(|url| url.to_string()).as_deref(), Some(GOOD));
        let wrong = [
            GOOD.replace("https", "http"),
            GOOD.replace("https", "HTTPS"),
            GOOD.replace("//sns", "//user@sns"),
            GOOD.replace("//sns", "//user:word@sns"),
            GOOD.replace("//sns", "//evil.example\\@sns"),
            GOOD.replace("//sns", "//evil.example#@sns"),
            GOOD.replace(".com/", ".com:443/"),
            GOOD.replace(".com/", ".com:8443/"),
            GOOD.replace(".com/", ".com./"),
            GOOD.replace(".com/", ".com@evil.example/"),
            GOOD.replace(".com/", ".com.evil.example/"),
            GOOD.replace(".com/", ".com.cn/"),
            GOOD.replace("sns.eu", "SNS.eu"),
            GOOD.replace("sns.eu", "a.sns.eu"),
            GOOD.replace("eu-west-1", "us-east-1"),
            GOOD.replace("amazonaws", "amaz%6Fnaws"),
            GOOD.replace("amazonaws", "am\u{430}zonaws"),
            GOOD.replace("amazonaws", "amazonaw\u{17f}"),
            GOOD.replace(".amazonaws", "\u{3002}amazonaws"),
            GOOD.replace("sns.eu-west-1.amazonaws.com", "169.254.169.254"),
            GOOD.replace("sns.eu-west-1.amazonaws.com", "[::1]"),
            GOOD.replace("sns.eu-west-1.amazonaws.com", "localhost"),
            GOOD.replace(".com/S", ".com//S"),
            GOOD.replace(".com/S", ".com/../S"),
            GOOD.replace(".com/S", ".com/a/../S"),
            GOOD.replace(".com/S", ".com/%2e%2e/S"),
            GOOD.replace(".com/S", ".com/a/S"),
            GOOD.replace(".com/S", ".com/?/S"),
            GOOD.replace("7506", "750"),
            GOOD.replace("7506", "75060"),
            GOOD.replace("7506", "750G"),
            GOOD.replace("a1e", "A1E"),
            GOOD.replace("7506", "..%2f"),
            GOOD.replace(".pem", ".PEM"),
            GOOD.replace(".pem", ".pem/"),
            GOOD.replace(".pem", ".pem?a=.pem"),
            GOOD.replace(".pem", ".pem#"),
            GOOD.replace(".pem", ".pem\r\nHost: evil.example"),
            GOOD.replace(".pem", ""),
            format!(" {GOOD}"),
            format!("{GOOD} "),
            format!("{GOOD}\0"),
            String::new(),
        ];
        for url in wrong {
            assert_eq!(urls.take(&url), None, "{url}");
        }
        let live = rule("paypal").of_host("api.paypal.com").unwrap();
        let url = "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-1d93a270";
        assert!(live.take(url).is_some());
        for wrong in [
            url.replace("api.", "api.sandbox."),
            url.replace("CERT-", "cert-"),
            url.replace("-1d93a270", ""),
            url.replace("certs/", "certs/../"),
            format!("{url}/"),
            format!("{url}-1d93a270"),
        ] {
            assert_eq!(live.take(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn rules_that_could_mean_another_url_are_none() {
        let place: Locator = "json:/url".parse().unwrap();
        let names = || vec!["keys.example.com".to_owned()];
        let read = |path: &str, host: &str, names| CertificateRule::new(place.clone(), path, vec![(host.to_owned(), names)]);
        assert!(read("/a-{hex:8}.pem", "keys.example.com", names()).is_ok());
        for path in
            ["", "a{hex:8}", "/a", "/{hex:0}", "/{hex:65}", "/{hex:x}", "/{hex:8", "//{hex:8}", "/../{hex:8}", "/a?{hex:8}"]
        {
            assert_eq!(read(path, "keys.example.com", names()).err(), Some(CertificateRuleError::Path), "{path}");
        }
        for host in [
            "",
            "localhost",
            "127.0.0.1",
            "*.example.com",
            "a@keys.example.com",
            "keys.example.com:443",
            "{region}.{region}.example.com",
        ] {
            assert_eq!(read("/{hex:8}", host, names()).err(), Some(CertificateRuleError::Host), "{host}");
        }
        for names in [vec![], vec!["*.example.com".to_owned()]] {
            assert_eq!(read("/{hex:8}", "keys.example.com", names).err(), Some(CertificateRuleError::Names));
        }
        assert_eq!(CertificateRule::new(place.clone(), "/{hex:8}", Vec::new()).err(), Some(CertificateRuleError::Host));
    }
}
