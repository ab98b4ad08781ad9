//! Numbers of fields and timestamps, eight digits at a time.
//!
//! The value of eight digits takes three multiplications (D. Lemire, "Quickly parsing eight
//! digits", 2018), however many of the eight there are, so digits cost no loop and no mispredicted
//! branch. A decimal of up to 2^53 with up to 22 digits after the point is one division of two
//! exact floats, which rounds once and hence right (W. D. Clinger, "How to read floating point
//! numbers accurately", 1990). Longer ones go to the standard library, which is exact for all.

/// How many digits always fit in 64 bits.
const DIGITS_MAX: usize = 19;

/// Integers up to here are floats without loss.
const EXACT_MAX: u64 = 1 << 53;

/// Ten to the power of the index.
const POWERS: [u64; 20] = {
    let mut powers = [1; 20];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// A signed integer and the `i` after it.
#[inline]
pub(crate) fn integer(text: &[u8]) -> Option<(i64, &[u8])> {
    let (is_negative, magnitude) = sign(text);
    let (value, rest) = unsigned(magnitude)?;
    let rest = rest.strip_prefix(b"i")?;
    let value = if is_negative {
        0_i64.checked_sub_unsigned(value)?
    } else {
        i64::try_from(value).ok()?
    };
    Some((value, rest))
}

/// An unsigned integer and the `u` after it.
#[inline]
pub(crate) fn uinteger(text: &[u8]) -> Option<(u64, &[u8])> {
    let (value, rest) = unsigned(text)?;
    Some((value, rest.strip_prefix(b"u")?))
}

/// A finite float.
#[inline]
pub(crate) fn float(text: &[u8]) -> Option<(f64, &[u8])> {
    let (is_negative, magnitude) = sign(text);
    let Some((value, rest)) = short_decimal(magnitude) else {
        return long_float(text);
    };
    Some((if is_negative { -value } else { value }, rest))
}

#[inline]
fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', magnitude @ ..] => (true, magnitude),
        _ => (false, text),
    }
}

/// One to nineteen digits.
#[inline]
pub(super) fn unsigned(text: &[u8]) -> Option<(u64, &[u8])> {
    match some_digits(text) {
        (_, 0) => None,
        (value, 8) => more_digits(value, &text[8..]),
        (value, count) => Some((value, text.get(count..)?)),
    }
}

/// What follows the first eight digits; `None` if there are too many.
fn more_digits(first: u64, text: &[u8]) -> Option<(u64, &[u8])> {
    let (second, count) = some_digits(text);
    let value = first * POWERS[count] + second;
    let rest = text.get(count..)?;
    if count < 8 {
        return Some((value, rest));
    }
    let (third, count) = some_digits(rest);
    let is_short = count <= DIGITS_MAX - 16;
    is_short.then(|| (value * POWERS[count] + third, &rest[count..]))
}

/// The value of up to eight digits, and how many there are.
#[inline]
fn some_digits(text: &[u8]) -> (u64, usize) {
    let word = match text.first_chunk() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => short_word(text),
    };
    // The high bit of each byte that is no digit, right up to the first of them.
    let offsets = word ^ 0x3030_3030_3030_3030;
    let others = (offsets.wrapping_add(0x7676_7676_7676_7676) | offsets) & 0x8080_8080_8080_8080;
    let bits = others.trailing_zeros() & !7;
    let value = match bits {
        0 => 0,
        // Zeros before the first digit, so that there are always as many.
        1..=32 => four_digits((offsets as u32) << (32 - bits)),
        _ => eight_digits(offsets << (64 - bits)),
    };
    (value, bits as usize / 8)
}

/// The value of four digits, the first in the lowest byte. Nearly all numbers are so short that
/// half the work pays for the question.
#[inline]
fn four_digits(digits: u32) -> u64 {
    let pairs = (digits.wrapping_mul(1 + (10 << 8)) >> 8) & 0x00ff_00ff;
    u64::from(pairs.wrapping_mul(1 + (100 << 16)) >> 16)
}

/// The value of eight digits, the first in the lowest byte.
#[inline]
fn eight_digits(digits: u64) -> u64 {
    let pairs = (digits.wrapping_mul(1 + (10 << 8)) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(1 + (100 << 16)) >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(1 + (10_000 << 32)) >> 32
}

/// Zeros, which are no digits, after the last byte.
#[cold]
fn short_word(text: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes[..text.len()].copy_from_slice(text);
    u64::from_le_bytes(bytes)
}

/// A decimal that one division yields exactly.
#[inline]
fn short_decimal(text: &[u8]) -> Option<(f64, &[u8])> {
    let (whole, rest) = unsigned(text)?;
    let [b'.', fraction @ ..] = rest else {
        let is_short = whole <= EXACT_MAX && !matches!(rest, [b'e' | b'E', ..]);
        return is_short.then_some((whole as f64, rest));
    };
    let digits = text.len() - rest.len();
    let (value, rest) = unsigned(fraction)?;
    let scale = fraction.len() - rest.len();
    if digits + scale > DIGITS_MAX || matches!(rest, [b'e' | b'E', ..]) {
        return None;
    }
    let mantissa = whole * POWERS[scale] + value;
    (mantissa <= EXACT_MAX).then(|| (mantissa as f64 / POWERS[scale] as f64, rest))
}

/// Any float at all: digits, a point and digits or neither, an exponent or none.
#[inline(never)]
fn long_float(text: &[u8]) -> Option<(f64, &[u8])> {
    let sign = usize::from(text.starts_with(b"-"));
    let mut end = digits_from(text, sign)?;
    if text.get(end) == Some(&b'.') {
        end = digits_from(text, end + 1)?;
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(end + 1), Some(b'-' | b'+')));
        end = digits_from(text, end + 1 + sign)?;
    }
    let (number, rest) = text.split_at(end);
    let value: f64 = std::str::from_utf8(number).ok()?.parse().ok()?;
    value.is_finite().then_some((value, rest))
}

/// Where the digits end that start at `at`; `None` if there are none.
fn digits_from(text: &[u8], at: usize) -> Option<usize> {
    let digits = text.get(at..)?.iter();
    let count = digits.take_while(|byte| byte.is_ascii_digit()).count();
    (count > 0).then_some(at + count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Read<T> = fn(&[u8]) -> Option<(T, &[u8])>;

    fn check<T: PartialEq + std::fmt::Debug>(
        read: Read<T>,
        text: &str,
        expected: Option<(T, &str)>,
    ) {
        let expected = expected.map(|(value, rest)| (value, rest.as_bytes()));
        assert_eq!(read(text.as_bytes()), expected, "{text}");
    }

    #[test]
    fn integers_are_exact_to_their_limits() {
        let check = |text, expected| check(integer, text, expected);
        check("0i", Some((0, "")));
        check("-0i,", Some((0, ",")));
        check("7i\n", Some((7, "\n")));
        check("12345678i ", Some((12_345_678, " ")));
        check("123456789i", Some((123_456_789, "")));
        check("1234567890123456i,", Some((1_234_567_890_123_456, ",")));
        check("9223372036854775807i", Some((i64::MAX, "")));
        check("-9223372036854775808i", Some((i64::MIN, "")));
        check("9223372036854775808i", None);
        check("-9223372036854775809i", None);
        check("0000000000000000007i", Some((7, "")));
        check("00000000000000000007i", None); // twenty digits are not common
        for bad in ["", "-", "i", "-i", "1", "1u", "1.0", "+1i", "--1i", "1 i"] {
            check(bad, None);
        }
    }

    #[test]
    fn unsigned_integers_have_no_sign() {
        let check = |text, expected| check(uinteger, text, expected);
        check("7u\n", Some((7, "\n")));
        check(
            "9999999999999999999u",
            Some((9_999_999_999_999_999_999, "")),
        );
        check("18446744073709551615u", None); // twenty digits are not common
        check("-7u", None);
        check("7i", None);
    }

    #[test]
    fn floats_have_digits_wherever_they_need_them() {
        let check = |text: &str, expected| check(float, text, expected);
        check("1", Some((1.0, "")));
        check("-1.5 7", Some((-1.5, " 7")));
        check("0.1,", Some((0.1, ",")));
        check("1e3", Some((1e3, "")));
        check("1.5E-3,", Some((1.5e-3, ",")));
        check("1e+3", Some((1e3, "")));
        check("12x", Some((12.0, "x")));
        check("12i", Some((12.0, "i")));
        for bad in [
            "", "-", ".5", "-.5", "5.", "5.e3", "1e", "1e+", "1e999", "+1", "--1", "-x",
        ] {
            check(bad, None);
        }
        let digits = "1".repeat(400);
        check(&digits, None);
        let small = format!("0.{digits}");
        check(&small, Some((small.parse().unwrap(), "")));
    }

    #[test]
    fn minus_zero_keeps_its_sign() {
        for text in ["-0", "-0.0", "-0e0"] {
            let (value, _) = float(text.as_bytes()).unwrap();
            assert!(value == 0.0 && value.is_sign_negative(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn floats_are_those_of_the_standard_library(
            text in "-?[0-9]{1,21}(\\.[0-9]{1,24})?([eE][-+]?[0-9]{1,2})?"
        ) {
            let expected: f64 = text.parse().unwrap();
            let (value, rest) = float(text.as_bytes()).unwrap();
            prop_assert_eq!(value.to_bits(), expected.to_bits());
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn any_float_is_read_as_it_was_written(value in prop::num::f64::ANY) {
            prop_assume!(value.is_finite());
            for text in [format!("{value}"), format!("{value:e}")] {
                let (read, rest) = float(text.as_bytes()).unwrap();
                prop_assert_eq!(read.to_bits(), value.to_bits());
                prop_assert!(rest.is_empty());
            }
        }

        #[test]
        fn integers_are_those_of_the_standard_library(text in "-?[0-9]{1,19}") {
            let written = format!("{text}i");
            let read = integer(written.as_bytes()).map(|(value, _)| value);
            prop_assert_eq!(read, text.parse().ok());
        }
    }
}
