//! Numbers as ECMAScript writes them: the shortest digits that are no other double, and of two as short ones that are as near
//! the even one. The digits are `serde_json`'s: those of the standard library's `{:e}` are the other of two such.

use serde_json::Number;

/// A decimal number: `0.DIGITS` times ten to the exponent. Neither the first digit nor the last is a zero.
#[derive(PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

/// A number of a JSON text as ECMAScript writes it; `None` where that is another number, or zero has a sign.
pub(super) fn exact(json: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(json).ok()?;
    let double: f64 = text.parse().ok().filter(|double: &f64| double.is_finite())?;
    let nearest = Decimal::of(double)?;
    let is_signed_zero = nearest.is_negative && nearest.digits.is_empty();
    (Decimal::read(text)? == nearest && !is_signed_zero).then(|| nearest.write())?
}

impl Decimal {
    fn of(double: f64) -> Option<Self> {
        Self::read(&Number::from_f64(double)?.to_string())
    }

    fn read(text: &str) -> Option<Self> {
        let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0');
        let zeros = all.len().checked_sub(digits.len())?;
        let point = i64::try_from(whole.len()).ok()?.checked_sub(i64::try_from(zeros).ok()?)?;
        let digits = digits.trim_end_matches('0').to_owned();
        let exponent: i64 = exponent.parse().ok()?;
        let exponent = if digits.is_empty() { 0 } else { exponent.checked_add(point)? };
        Some(Self { is_negative, digits, exponent })
    }

    /// `Number::toString` of ECMA-262. Doubles have at most 17 digits, and exponents of three.
    fn write(&self) -> Option<String> {
        let sign = if self.is_negative { "-" } else { "" };
        let count = i64::try_from(self.digits.len()).ok()?;
        let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or_default());
        Some(match self.exponent {
            _ if self.digits.is_empty() => "0".to_owned(),
            exponent @ 1..=21 if exponent >= count => format!("{sign}{}{}", self.digits, zeros(exponent.checked_sub(count)?)),
            exponent @ 1..=21 => {
                let (whole, fraction) = self.digits.split_at_checked(usize::try_from(exponent).ok()?)?;
                format!("{sign}{whole}.{fraction}")
            }
            exponent @ -5..=0 => format!("{sign}0.{}{}", zeros(exponent.checked_neg()?), self.digits),
            exponent => {
                let (first, rest) = self.digits.split_at_checked(1)?;
                let point = if rest.is_empty() { "" } else { "." };
                format!("{sign}{first}{point}{rest}e{:+}", exponent.checked_sub(1)?)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The samples of RFC 8785, appendix B, as doubles.
    const SAMPLES: [(u64, &str); 23] = [
        (0x0000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0xc340_0000_0000_0000, "-9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
        (0x41b3_de43_5555_5554, "333333333.33333325"),
        (0x41b3_de43_5555_5555, "333333333.3333333"),
        (0x41b3_de43_5555_5556, "333333333.3333334"),
        (0x41b3_de43_5555_5557, "333333333.33333343"),
        (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ];

    #[test]
    fn numbers_are_written_as_ecmascript_does() {
        for (bits, expected) in SAMPLES {
            let double = f64::from_bits(bits);
            assert_eq!(Decimal::of(double).unwrap().write().as_deref(), Some(expected), "{bits:x}");
            assert_eq!(exact(expected.as_bytes()).as_deref(), Some(expected));
        }
    }

    #[test]
    fn another_spelling_is_the_same_number_and_another_number_is_none() {
        for (text, expected) in [
            ("1.0", Some("1")),
            ("10e-1", Some("1")),
            ("0.10", Some("0.1")),
            ("1E+2", Some("100")),
            ("0.0", Some("0")),
            ("0e99", Some("0")),
            ("-1.50", Some("-1.5")),
            ("1e21", Some("1e+21")),
            ("100000000000000000000", Some("100000000000000000000")),
            ("0.0000001", Some("1e-7")),
            ("9007199254740991", Some("9007199254740991")),
            ("9007199254740993", None),
            ("12345678901234567890", None),
            ("0.10000000000000001", None),
            ("0.1000000000000000055511151231257827", None),
            ("1e400", None),
            ("1e-400", None),
            ("1e99999999999999999999", None),
            ("-0", None),
            ("-0.0e3", None),
        ] {
            assert_eq!(exact(text.as_bytes()).as_deref(), expected, "{text}");
        }
    }
}
