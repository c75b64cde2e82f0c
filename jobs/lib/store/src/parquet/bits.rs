//! The bit-level forms of Parquet: variable-length integers, bit packing, the hybrid of runs and
//! packed groups (levels, dictionary indexes) and `DELTA_BINARY_PACKED`.

/// Values of a block of `DELTA_BINARY_PACKED`, and of each of its four miniblocks.
const BLOCK: usize = 128;
const MINIBLOCK: usize = BLOCK / 4;

/// Appends an unsigned integer in groups of seven bits, the lowest first.
pub(super) fn uleb(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A signed integer as an unsigned one that is small when it is near zero.
const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Bits needed for a value.
pub(super) const fn width(value: u64) -> u32 {
    64 - value.leading_zeros()
}

/// Appends values of `width` bits each, the lowest bit first. Their number is a multiple of
/// eight, so that they end on a byte.
fn pack(out: &mut Vec<u8>, values: impl ExactSizeIterator<Item = u64>, width: u32) {
    if width == 0 {
        return;
    }
    let end = out.len() + values.len() * width as usize / 8;
    let (mut word, mut held) = (0_u64, 0_u32);
    for value in values {
        word |= value << held;
        held += width;
        if held >= 64 {
            out.extend_from_slice(&word.to_le_bytes());
            held -= 64;
            // what did not fit; all of it did when the value ended with the word
            word = if held == 0 { 0 } else { value >> (width - held) };
        }
    }
    let left = end.saturating_sub(out.len());
    out.extend_from_slice(&word.to_le_bytes()[..left]);
}

/// Appends values of `width` bits as runs of equal values and groups of eight packed ones.
pub(super) fn hybrid(out: &mut Vec<u8>, values: &[u32], width: u32) {
    let run = |at: usize| {
        let first = values[at];
        values[at..].iter().position(|v| *v != first).unwrap_or(values.len() - at)
    };
    let (mut at, mut literal) = (0, 0);
    while at + 8 <= values.len() {
        let group = &values[at..at + 8];
        if group.iter().all(|v| *v == group[0]) {
            literals(out, &values[literal..at], width);
            let length = run(at);
            repeated(out, values[at], length, width);
            at += length;
            literal = at;
        } else {
            at += 8;
        }
    }
    literals(out, &values[literal..], width);
}

/// Appends one run of equal values.
pub(super) fn repeated(out: &mut Vec<u8>, value: u32, length: usize, width: u32) {
    uleb(out, (length as u64) << 1);
    out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
}

/// Appends packed groups of eight; the last one is filled up with zeros.
fn literals(out: &mut Vec<u8>, values: &[u32], width: u32) {
    if values.is_empty() {
        return;
    }
    uleb(out, ((values.len().div_ceil(8) as u64) << 1) | 1);
    let (whole, rest) = values.split_at(values.len() / 8 * 8);
    pack(out, whole.iter().map(|v| u64::from(*v)), width);
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        pack(out, last.iter().map(|v| u64::from(*v)), width);
    }
}

/// Appends booleans, a bit each.
pub(super) fn booleans(out: &mut Vec<u8>, values: &[bool]) {
    out.extend(values.chunks(8).map(|eight| {
        eight.iter().enumerate().fold(0, |byte, (bit, value)| byte | (u8::from(*value) << bit))
    }));
}

/// Appends integers as `DELTA_BINARY_PACKED`.
pub(super) fn delta(out: &mut Vec<u8>, values: &[i64]) {
    uleb(out, BLOCK as u64);
    uleb(out, (BLOCK / MINIBLOCK) as u64);
    uleb(out, values.len() as u64);
    let Some(first) = values.first() else {
        uleb(out, 0);
        return;
    };
    uleb(out, zigzag(*first));
    let mut deltas = [0_i64; BLOCK];
    let mut at = 1;
    while at < values.len() {
        let count = (values.len() - at).min(BLOCK);
        // differences wrap around, as the format wants
        let pairs = values[at - 1..at + count - 1].iter().zip(&values[at..at + count]);
        let mut least = i64::MAX;
        for (delta, (before, value)) in deltas.iter_mut().zip(pairs) {
            *delta = value.wrapping_sub(*before);
            least = least.min(*delta);
        }
        uleb(out, zigzag(least));
        // values of the last block that do not exist are least ones
        deltas[count..].fill(least);
        let widths = out.len();
        out.extend_from_slice(&[0; BLOCK / MINIBLOCK]);
        for (i, miniblock) in deltas.chunks_exact(MINIBLOCK).enumerate() {
            let all = miniblock.iter().fold(0, |all, d| all | d.wrapping_sub(least) as u64);
            let bits = width(all);
            out[widths + i] = bits as u8;
            pack(out, miniblock.iter().map(|d| d.wrapping_sub(least) as u64), bits);
        }
        // miniblocks after the last value are left away
        let used = count.div_ceil(MINIBLOCK);
        debug_assert!(out[widths + used..widths + BLOCK / MINIBLOCK].iter().all(|w| *w == 0));
        at += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `width` bits at a bit position.
    fn bits(bytes: &[u8], at: usize, width: u32) -> u64 {
        (0..width as usize).fold(0, |value, bit| {
            let bit_at = at + bit;
            value | (u64::from(bytes[bit_at / 8] >> (bit_at % 8) & 1) << bit)
        })
    }

    #[test]
    fn every_width_packs() {
        for width in 0..=64 {
            let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
            for count in [8, 16, 24, 32, 40] {
                let values: Vec<u64> = (1..=count)
                    .map(|n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) & mask)
                    .collect();
                let mut out = vec![7];
                pack(&mut out, values.iter().copied(), width);
                assert_eq!(out.len(), 1 + count as usize * width as usize / 8);
                for (i, value) in values.iter().enumerate() {
                    assert_eq!(bits(&out[1..], i * width as usize, width), *value, "{width}");
                }
            }
        }
    }

    #[test]
    fn hybrid_has_runs_and_groups() {
        let check = |values: &[u32], width: u32, expect: &[u8]| {
            let mut out = Vec::new();
            hybrid(&mut out, values, width);
            assert_eq!(out, expect, "{values:?}");
        };
        check(&[], 3, &[]);
        check(&[5; 100], 3, &[200, 1, 5]);
        check(&[0, 1, 2, 3, 4, 5, 6, 7], 3, &[3, 0b1000_1000, 0b1100_0110, 0b1111_1010]);
        check(&[1], 1, &[3, 1]);
        check(&[1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1], 1, &[3, 1, 18, 1]);
        check(&[300; 8], 9, &[16, 44, 1]);
    }

    #[test]
    fn booleans_are_bits() {
        let mut out = Vec::new();
        booleans(&mut out, &[true, false, true, true, false, false, false, true, true]);
        assert_eq!(out, [0b1000_1101, 1]);
    }
}
