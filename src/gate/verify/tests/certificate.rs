//! Certificates that deliveries name: Amazon's own, and each way of being none.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::RootCertStore;

use super::*;
use crate::domain::https_url::HttpsUrl;
use crate::gate::verify::certificate::{Certificate, CertificateError};
use crate::gate::verify::error::KeyFault;
use crate::gate::verify::keys::KeyTerms;

/// What SNS served for the URL below in March 2026: `aws/aws-sdk-java-v2`, test resources of its message manager.
const AMAZON: &str = include_str!("sns-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem");
const URL: &str = "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem";
/// What Amazon signed with its key: the same source.
const MESSAGE: &str = r#"{"Type":"Notification","MessageId":"9d2c5580-b61d-550c-8583-37a582870907","TopicArn":"arn:aws:sns:us-west-2:131990247566:dongie-standard-topic","Message":"This message uses signature version 2.","Timestamp":"2026-03-06T20:00:26.893Z","Signature":"kGNJ7FIM5DJxRv9bdoSJBty2WHpADFWrJ0ZQU/A2sALy6tBE5hqfUvPRlklTJ+PACFMguoFOO7W6ac/Bs4gR+JBRFhx4598X8/HWzrmaLrtB2f7nzViHbpzYN+u+OewXhxjj2lNsu0bLKv6fogkACytDIOhjZylbfJoPphDYAB7T3Ila7u+K3m2wLHH4k1cPYKyBf5FI/kAoQAVsY6qFHeb6CWfHsdM98I2gwyEvwJSzW0iyYBfqckmthQwH3Ex53jrhQlZylXFDYmstSJAdvbLeGqIUxKyk+O25wYgBjbbbeR+2qE2UCGEQrk1Bq018wmTxdHZmDhoBjJXiGmFkfg=="}"#;
const SENT: i64 = 1_772_827_227;
const RSA: &str = include_str!("../../../../tests/keys/rsa2048.pem");

fn read(pem: &str, now: i64, roots: &RootCertStore) -> Result<Certificate, CertificateError> {
    read_for("aws-sns", "sns.us-west-2.amazonaws.com", URL, (pem, now, roots))
}

fn read_for(
    provider: &str,
    host: &str,
    url: &str,
    (pem, now, roots): (&str, i64, &RootCertStore),
) -> Result<Certificate, CertificateError> {
    let scheme = preset(provider);
    let urls = scheme.certificate.as_ref().unwrap().of_host(host).unwrap();
    let url: HttpsUrl = url.parse().unwrap();
    Certificate::read(&scheme.signature, (&urls, &url), pem.as_bytes(), roots, UnixTime::from_seconds(now))
}

fn judge(ring: &KeyRing, certificate: Option<Certificate>, body: &str, now: i64) -> Result<String, VerifyError> {
    let scheme = preset("aws-sns");
    let head = Head { method: Method::POST, target: Uri::from_static("/"), headers: HeaderMap::new() };
    let received = Received { head, body: RawBody::from(Bytes::from(body.to_owned())) };
    let presented = present(&scheme, &received.head)?.under(certificate.map(Arc::new));
    let integration = "it".parse().unwrap();
    let tolerance = Duration::from_secs(86_400 * 400);
    let judging = Judging { integration: &integration, scheme: &scheme, keys: ring, tolerance };
    verify(&judging, presented, received, UnixTime::from_seconds(now)).map(|verified| verified.secret_id().to_string())
}

fn ring(host: &str) -> KeyRing {
    let scheme = preset("aws-sns");
    let urls = scheme.certificate.as_ref().unwrap().of_host(host).unwrap();
    let terms = KeyTerms {
        id: "named".parse().unwrap(),
        key_id: None,
        encoding: None,
        not_before: None,
        not_after: Some(UnixTime::from_seconds(SENT + 40_000_000)),
    };
    KeyRing::build(&scheme, vec![]).unwrap().with_certificates(&terms, &urls)
}

#[test]
fn amazons_own_certificate_verifies_what_amazon_signed_while_it_is_valid() {
    let roots = RootCertStore::empty();
    let certificate = || Some(read(AMAZON, SENT, &roots).unwrap());
    let own = ring("sns.us-west-2.amazonaws.com");
    assert_eq!(judge(&own, certificate(), MESSAGE, SENT), Ok("named".to_owned()));
    assert_eq!(judge(&own, certificate(), &MESSAGE.replace("version 2", "version 3"), SENT), Err(VerifyError::SignatureMismatch));
    assert_eq!(judge(&own, None, MESSAGE, SENT), Err(VerifyError::SignatureMismatch));
    let other_region = ring("sns.eu-west-1.amazonaws.com");
    assert_eq!(judge(&other_region, certificate(), MESSAGE, SENT), Err(VerifyError::SignatureMismatch));
    // Its last second is 2026-10-14T23:59:59Z, and what was held must not outlive it.
    let end = 1_792_022_400;
    assert_eq!(certificate().unwrap().not_after(), UnixTime::from_seconds(end));
    assert_eq!(judge(&own, certificate(), MESSAGE, end - 1), Ok("named".to_owned()));
    assert_eq!(judge(&own, certificate(), MESSAGE, end), Err(VerifyError::SignatureMismatch));
    assert_eq!(judge(&own, certificate(), MESSAGE, SENT + 40_000_000), Err(VerifyError::SecretUnavailable), "the secret ends");
    assert_eq!(read(AMAZON, end, &roots).err(), Some(CertificateError::NotNow));
    assert_eq!(read(AMAZON, 1_762_732_799, &roots).err(), Some(CertificateError::NotNow));
    // China's certificates bear another name.
    let china = "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem";
    let of_china = read_for("aws-sns", "sns.cn-north-1.amazonaws.com.cn", china, (AMAZON, SENT, &roots));
    assert_eq!(of_china.err(), Some(CertificateError::Name));
    let paypal = "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-1d93a270";
    assert_eq!(read_for("paypal", "api.paypal.com", paypal, (AMAZON, SENT, &roots)).err(), Some(CertificateError::Name));
}

fn authority() -> CertificateParams {
    let mut parameters = CertificateParams::new(vec!["sns.amazonaws.com".to_owned()]).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters
}

#[test]
fn each_way_of_being_no_certificate() {
    let key = || KeyPair::from_pem(RSA).unwrap();
    let named = || CertificateParams::new(vec!["sns.amazonaws.com".to_owned()]).unwrap();
    let elliptic = named().self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
    let good = named().self_signed(&key()).unwrap().pem();
    let root = CertifiedIssuer::self_signed(authority(), KeyPair::generate().unwrap()).unwrap();
    let between = CertifiedIssuer::signed_by(authority(), KeyPair::generate().unwrap(), &root).unwrap();
    let leaf = named().signed_by(&key(), &between).unwrap().pem();
    let mut old_authority = authority();
    old_authority.not_after = date_time_ymd(2020, 1, 1);
    let old = CertifiedIssuer::signed_by(old_authority, KeyPair::generate().unwrap(), &root).unwrap();
    let of_old = named().signed_by(&key(), &old).unwrap().pem();
    let mut roots = RootCertStore::empty();
    roots.add(root.der().clone()).unwrap();
    let algorithm = Algorithm::RsaSha256;
    let cases = [
        (good.clone(), None),
        (format!("{leaf}{}", between.pem()), None),
        (format!("{leaf}{}{}", between.pem(), root.pem()), None),
        (leaf.clone(), None),
        (String::new(), Some(CertificateError::Unreadable)),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(), Some(CertificateError::Unreadable)),
        ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_owned(), Some(CertificateError::Unreadable)),
        (good.repeat(6), Some(CertificateError::TooMany)),
        (authority().self_signed(&key()).unwrap().pem(), Some(CertificateError::Authority)),
        (elliptic, Some(CertificateError::Key(KeyFault::OtherKind { algorithm }))),
        (format!("{good}{}", between.pem()), Some(CertificateError::Chain)),
        (format!("{of_old}{}", old.pem()), Some(CertificateError::Chain)),
    ];
    for (number, (pem, expected)) in cases.into_iter().enumerate() {
        assert_eq!(read(&pem, NOW_SECONDS, &roots).err(), expected, "{number}");
    }
    let chain = format!("{leaf}{}", between.pem());
    assert_eq!(read(&chain, NOW_SECONDS, &RootCertStore::empty()).err(), Some(CertificateError::Chain));
    assert_eq!(format!("{:?}", read(&good, NOW_SECONDS, &roots).unwrap()), format!("Certificate({URL})"));
}
