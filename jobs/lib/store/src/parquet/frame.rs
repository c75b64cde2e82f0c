//! Zstandard frames for big-endian numbers of a fixed size, written by hand.
//!
//! Such a column is the dearest to compress: the general matcher looks for repetitions at every
//! byte, and all that there is to find is that a number begins with the bytes that the number
//! before began with. So that is written down directly: of each number the bytes that differ, as
//! literals, then a match, one number back, of those that do not. Any Zstandard decoder reads
//! it; it takes a fraction of the time of level 1 and about as much space. Terms and forms are
//! those of RFC 8878.

/// Numbers of a block: with sixteen bytes each they stay below the format's 128 KiB.
const BLOCK: usize = 8_000;
/// Bytes of a block that is stored as it is.
const RAW_BLOCK: usize = 1 << 16;
/// Fewer numbers are not worth the while.
const LEAST: usize = 64;
/// The accuracy of the entropy coders. 256 states are plenty for at most eight lengths.
const LOG: u32 = 8;
const STATES: usize = 1 << LOG;
/// Codes of lengths: up to this many stand for themselves, without further bits.
const CODES: usize = 16;
/// The length of the shortest match; its code is zero.
const SHORTEST: u8 = 3;

/// Appends a frame that holds `before` and then `values` as `size` (12 or 16) big-endian bytes
/// each. `false`, and nothing appended, when that cannot be done in this form: when there are
/// few values, or when positive and negative ones alternate.
pub(super) fn compress(before: &[u8], values: &[i64], size: usize, out: &mut Vec<u8>) -> bool {
    if values.len() < LEAST || !(12..=16).contains(&size) {
        return false;
    }
    // bits in which neighbours differ; no sign may, for then no first byte would be equal
    let pairs = || values.windows(2).map(|pair| (pair[0] ^ pair[1]) as u64);
    let all = pairs().fold(0, |all, bits| all | bits);
    if all >> 63 != 0 {
        return false;
    }
    // the last bytes that are the same everywhere are part of the matches
    let tail = (all.trailing_zeros() / 8).min(7);
    // the bytes of each number that are literals: those between the equal ones, at least one
    let most = 8 - tail;
    let lengths: Vec<u8> =
        pairs().map(|bits| (most - (bits.leading_zeros() / 8).min(most - 1)) as u8).collect();
    // lengths[i] is of values[i + 1]; the first two numbers are special
    let (lengths, rest) = (&lengths[1..], &values[2..]);

    out.extend_from_slice(&[0x28, 0xb5, 0x2f, 0xfd]);
    // a single segment, its size in four bytes, no checksum
    out.push(0b1010_0000);
    out.extend_from_slice(&((before.len() + values.len() * size) as u32).to_le_bytes());
    start(before, [values[0], values[1]], size, lengths[0] + tail as u8, out);
    let mut at = 0;
    while at < rest.len() {
        let end = rest.len().min(at + BLOCK);
        let lengths = &lengths[at..lengths.len().min(end + 1)];
        block(&rest[at..end], lengths, (size, tail), out);
        at = end;
    }
    true
}

/// Appends the header of a block and returns where it stands.
fn block_header(out: &mut Vec<u8>, compressed: bool) -> usize {
    out.extend_from_slice(&[u8::from(compressed) << 2, 0, 0]);
    out.len() - 3
}

/// Writes the size of the block that ends here, and whether it is the last one, to its header.
fn end_block(out: &mut [u8], header: usize, last: bool) {
    let size = (out.len() - header - 3) as u32;
    let bits = size << 3 | u32::from(out[header]) | u32::from(last);
    out[header..header + 3].copy_from_slice(&bits.to_le_bytes()[..3]);
}

/// Appends the header of literals that are stored as they are.
fn literals_header(out: &mut Vec<u8>, length: usize) {
    let bits = (length as u32) << 4 | 0b1100;
    out.extend_from_slice(&bits.to_le_bytes()[..3]);
}

/// Appends the first two numbers: stored, but for the last eight bytes of the second, with which
/// the first match goes. It tells the distance, and the others refer to it. `length` is the
/// number of last bytes in which the third number differs.
fn start(before: &[u8], values: [i64; 2], size: usize, length: u8, out: &mut Vec<u8>) {
    let mut raw = before.to_vec();
    raw.extend_from_slice(&i128::from(values[0]).to_be_bytes()[16 - size..]);
    raw.extend_from_slice(&i128::from(values[1]).to_be_bytes()[16 - size..8]);
    for part in raw.chunks(RAW_BLOCK) {
        let header = block_header(out, false);
        out.extend_from_slice(part);
        end_block(out, header, false);
    }
    let header = block_header(out, true);
    literals_header(out, 8);
    out.extend_from_slice(&values[1].to_be_bytes());
    // one sequence, whose codes are given in a byte each: the literals' length, the offset's
    // number of bits, the match's length; then the offset's bits below the highest, and a one
    let offset = size as u8 + 3;
    let matched = size as u8 - length;
    out.extend_from_slice(&[1, 0b0101_0100, 8, offset.ilog2() as u8, matched - SHORTEST, offset]);
    end_block(out, header, false);
}

/// Appends a block of numbers. `lengths` are those of their literals and of the first number
/// after them, if there is one: a number's sequence ends with the equal bytes of the next.
fn block(values: &[i64], lengths: &[u8], (size, tail): (usize, u32), out: &mut Vec<u8>) {
    let header = block_header(out, true);
    let literals: usize = lengths[..values.len()].iter().map(|l| usize::from(*l)).sum();
    let sequences = lengths.len() - 1;
    // the last number of all has no match after it, so that its tail is literal, too
    let is_last = sequences < values.len();
    let last = if is_last { tail as usize } else { 0 };
    literals_header(out, literals + last);
    let mut at = out.len();
    out.resize(at + literals + 8, 0);
    for (value, length) in values.iter().zip(lengths) {
        let (length, skip) = (u32::from(*length), 8 - tail - u32::from(*length));
        // eight bytes are written, the next number overwrites those too many
        out[at..at + 8].copy_from_slice(&(value << (8 * skip)).to_be_bytes());
        at += length as usize;
    }
    out.truncate(at + last);

    if sequences < 128 {
        out.push(sequences as u8);
    } else {
        out.extend_from_slice(&[(sequences >> 8) as u8 | 0x80, sequences as u8]);
    }
    if sequences > 0 {
        let next = |i: usize| usize::from(size as u8 - SHORTEST - lengths[i + 1]);
        let mut counts = ([0; CODES], [0; CODES]);
        for (i, length) in lengths[..sequences].iter().enumerate() {
            counts.0[usize::from(*length)] += 1;
            counts.1[next(i)] += 1;
        }
        let modes = out.len();
        out.push(0);
        let literal_coder = Coder::new(&counts.0, out);
        // all offsets are the one before
        out.push(0);
        let match_coder = Coder::new(&counts.1, out);
        out[modes] = literal_coder.mode() << 6 | 1 << 4 | match_coder.mode() << 2;

        // read backwards: the last sequence goes first
        let mut bits = Bits::new(out, sequences * 2 * LOG as usize / 8);
        let end = sequences - 1;
        let mut match_state = match_coder.start(next(end));
        let mut literal_state = literal_coder.start(lengths[end].into());
        for i in (0..end).rev() {
            match_coder.encode(&mut match_state, next(i), &mut bits);
            literal_coder.encode(&mut literal_state, lengths[i].into(), &mut bits);
            bits.flush();
        }
        match_coder.end(match_state, &mut bits);
        literal_coder.end(literal_state, &mut bits);
        bits.push(1, 1);
        bits.end();
    }
    end_block(out, header, is_last);
}

/// Bits that are appended, the lowest first.
struct Bits<'a> {
    out: &'a mut Vec<u8>,
    /// Where the next byte goes; what is after it is overwritten or cut off.
    at: usize,
    word: u64,
    held: u32,
}

impl<'a> Bits<'a> {
    /// Appends at most `most` bytes, and a few of the ends.
    fn new(out: &'a mut Vec<u8>, most: usize) -> Self {
        let at = out.len();
        out.resize(at + most + 24, 0);
        Self { out, at, word: 0, held: 0 }
    }

    #[inline]
    const fn push(&mut self, value: u32, width: u32) {
        self.word |= (value as u64) << self.held;
        self.held += width;
    }

    /// Writes whole bytes; fewer than eight bits stay.
    #[inline]
    fn flush(&mut self) {
        self.out[self.at..self.at + 8].copy_from_slice(&self.word.to_le_bytes());
        let bytes = self.held / 8;
        self.at += bytes as usize;
        self.word >>= bytes * 8;
        self.held %= 8;
    }

    fn end(mut self) {
        self.held += 7;
        self.flush();
        self.out.truncate(self.at);
    }
}

/// A finite state entropy coder for the codes of one kind of length.
enum Coder {
    /// There is only one code.
    One,
    /// For each code what its bits and its next state follow from; the states.
    Table { codes: [(u32, i32); CODES], states: Box<[u16; STATES]> },
}

impl Coder {
    /// The coder for codes that occur so often; its description is appended to `out`.
    fn new(counts: &[u32; CODES], out: &mut Vec<u8>) -> Self {
        let shares = shares(counts);
        if let Some(code) = shares.iter().position(|share| *share == STATES) {
            out.push(code as u8);
            return Self::One;
        }
        describe(&shares, out);
        // states are dealt to the codes in strides over the table
        let mut owners = [0_u8; STATES];
        let mut at = 0;
        for (code, share) in shares.iter().enumerate() {
            for _ in 0..*share {
                owners[at] = code as u8;
                at = (at + STATES / 2 + STATES / 8 + 3) % STATES;
            }
        }
        let mut codes = [(0, 0); CODES];
        let mut places = [0; CODES];
        let mut total = 0;
        for ((code, place), share) in codes.iter_mut().zip(&mut places).zip(shares) {
            *place = total;
            if share > 0 {
                let width = if share == 1 { LOG } else { LOG - (share as u32 - 1).ilog2() };
                *code = ((width << 16) - ((share as u32) << width), total as i32 - share as i32);
            }
            total += share;
        }
        let mut states = Box::new([0; STATES]);
        for (state, owner) in owners.iter().enumerate() {
            let place = &mut places[usize::from(*owner)];
            states[*place] = (STATES + state) as u16;
            *place += 1;
        }
        Self::Table { codes, states }
    }

    /// What the header of the sequences says of it.
    const fn mode(&self) -> u8 {
        match self {
            Self::One => 1,
            Self::Table { .. } => 2,
        }
    }

    /// The state of the last code.
    fn start(&self, code: usize) -> u32 {
        let Self::Table { codes, states } = self else { return 0 };
        let (bits, find) = codes[code];
        let width = (bits + (1 << 15)) >> 16;
        let value = (width << 16) - bits;
        states[((value >> width) as i32 + find) as usize].into()
    }

    #[inline]
    fn encode(&self, state: &mut u32, code: usize, out: &mut Bits) {
        let Self::Table { codes, states } = self else { return };
        let (bits, find) = codes[code];
        let width = (*state + bits) >> 16;
        out.push(*state & ((1 << width) - 1), width);
        *state = states[((*state >> width) as i32 + find) as usize].into();
    }

    fn end(&self, state: u32, out: &mut Bits) {
        if let Self::Table { .. } = self {
            out.push(state & (STATES as u32 - 1), LOG);
        }
    }
}

/// The states of each code, in proportion to how often it occurs; all together [`STATES`].
fn shares(counts: &[u32; CODES]) -> [usize; CODES] {
    let total: u32 = counts.iter().sum();
    let mut shares = counts.map(|count| match count {
        0 => 0,
        _ => ((u64::from(count) * STATES as u64 / u64::from(total)) as usize).max(1),
    });
    let given: usize = shares.iter().sum();
    // the most frequent one has at least a sixteenth, more than rounding can take from it
    if let Some(largest) = shares.iter_mut().max_by_key(|share| **share) {
        *largest = *largest + STATES - given;
    }
    shares
}

/// Appends the description of shares that decoders build their table from.
fn describe(shares: &[usize; CODES], out: &mut Vec<u8>) {
    let mut bits = Bits::new(out, 2 * CODES);
    bits.push(LOG - 5, 4);
    let mut left = STATES + 1;
    let (mut threshold, mut width) = (STATES, LOG + 1);
    let mut code = 0;
    while left > 1 {
        let share = shares[code];
        code += 1;
        let spare = 2 * threshold - 1 - left;
        left -= share;
        let mut value = share + 1;
        if value >= threshold {
            value += spare;
        }
        bits.push(value as u32, width - u32::from(value < spare));
        while left < threshold {
            width -= 1;
            threshold /= 2;
        }
        if share == 0 {
            // how many more codes have none: by threes, then the rest
            let mut more = shares[code..].iter().take_while(|share| **share == 0).count();
            code += more;
            while more >= 3 {
                bits.push(3, 2);
                more -= 3;
            }
            bits.push(more as u32, 2);
        }
        bits.flush();
    }
    bits.end();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the frame must hold.
    fn plain(before: &[u8], values: &[i64], size: usize) -> Vec<u8> {
        let number = |v: &i64| i128::from(*v).to_be_bytes()[16 - size..].to_vec();
        [before.to_vec(), values.iter().flat_map(number).collect()].concat()
    }

    fn check(before: &[u8], values: &[i64], size: usize, expect: bool) -> usize {
        let mut out = b"already there".to_vec();
        let done = compress(before, values, size, &mut out);
        assert_eq!(done, expect);
        let frame = &out[13..];
        if done {
            let found = zstd::decode_all(frame).unwrap();
            assert!(found == plain(before, values, size), "another content");
        } else {
            assert!(frame.is_empty());
        }
        frame.len()
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        check(&[], &[5; 63], 12, false);
        check(&[], &[5; 64], 12, true);
        check(&[], &[5; 64], 8, false);
        let mut values = vec![5; 100];
        values[50] = -5;
        check(&[], &values, 12, false);
        check(&[], &[-5; 100], 12, true);
    }

    #[test]
    fn every_block_boundary_is_right() {
        let mut random = fastrand::Rng::with_seed(1);
        for count in [64, 129, 130, 131, 8_001, 8_002, 8_003, 16_002, 16_003, 65_536] {
            let values: Vec<i64> =
                (0..count).map(|_| random.i64(0..1 << 36) >> random.u32(0..20) << 8).collect();
            for size in [12, 16] {
                check(&[9; 8], &values, size, true);
            }
        }
        check(&vec![7; 70_000], &[1; 64], 12, true);
    }

    #[test]
    fn size_is_near_the_bytes_that_differ() {
        let mut random = fastrand::Rng::with_seed(2);
        let values: Vec<i64> = (0..65_536).map(|_| random.i64(0..1 << 32)).collect();
        let size = check(&[], &values, 12, true);
        assert!(size < 65_536 * 41 / 10, "{size}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_values_come_back(
            before in proptest::collection::vec(any::<u8>(), 0..40),
            (bits, low) in (1..63_u32, 0..40_u32),
            seed: u64,
            count in 64..20_000_usize,
            negative: bool,
            wide: bool,
        ) {
            let mut random = fastrand::Rng::with_seed(seed);
            let values: Vec<i64> = (0..count)
                .map(|_| {
                    let value = random.i64(0..1 << bits) >> random.u32(0..bits);
                    let value = value >> low << low;
                    if negative { -1 - value } else { value }
                })
                .collect();
            check(&before, &values, if wide { 16 } else { 12 }, true);
        }
    }
}
