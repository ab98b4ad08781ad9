//! Fixed-point numbers to text by integer arithmetic. A reading is rounded once, to an integer
//! count of its last decimal; printing that is several times cheaper than printing a float, and
//! power can be computed from it exactly.

/// Appends `count / 10^DECIMALS` with exactly that many decimals.
#[inline]
pub(crate) fn push_decimal<const DECIMALS: usize>(out: &mut Vec<u8>, mut count: u64) {
    // 20 digits of the largest u64, the point, and a zero before it.
    let mut text = [0u8; 22];
    let mut at = text.len();
    let mut place = 0;
    while count > 0 || place <= DECIMALS {
        if place == DECIMALS && DECIMALS > 0 {
            at -= 1;
            text[at] = b'.';
        }
        at -= 1;
        text[at] = b'0' + (count % 10) as u8;
        count /= 10;
        place += 1;
    }
    out.extend_from_slice(&text[at..]);
}
