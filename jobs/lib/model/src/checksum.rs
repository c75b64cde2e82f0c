//! Checksum files: the SHA-256 that one states for an archive, whichever tool wrote it. Pure;
//! what is made of a file that cannot be understood is the caller's business.
//!
//! What is read: `<digest>  <name>` and `<digest> *<name>` (GNU, with `\` before the digest where
//! the path is escaped), `SHA256 (<name>) = <digest>` (BSD, OpenSSL), the digest alone, tables and
//! lists of PowerShell and certutil; upper and lower case, any line end, UTF-8 and UTF-16, paths
//! of any system, many lines of which one is ours.

/// What is wrong with a checksum file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadChecksum {
    /// No digest in it.
    #[error("checksum file starts with `{found}`, expected 64 hexadecimal digits (SHA-256)")]
    NoDigest {
        /// The first characters found.
        found: String,
    },
    /// Its digests are of other files.
    #[error("checksum file is of `{found}`, expected `{expected}`")]
    OtherFile {
        /// What stands beside the first digest.
        found: String,
        /// The name of the archive.
        expected: String,
    },
    /// It states several digests for the archive.
    #[error("checksum file states both {one} and {other}, expected one digest")]
    Ambiguous {
        /// The first.
        one: String,
        /// One that differs.
        other: String,
    },
}

/// Whose digest a line states.
#[derive(Debug, PartialEq, Eq)]
enum Whose {
    Ours,
    Nobodys,
    Others(String),
}

/// The SHA-256 that a checksum file states for `name`, in lower case. A line with the archive's
/// name counts before one without any name.
///
/// # Errors
/// [`BadChecksum`] when there is no digest, it is of another file, or there are several.
pub fn parse_checksum(text: &[u8], name: &str) -> Result<String, BadChecksum> {
    let text = decoded(text);
    let (mut ours, mut nobodys, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for line in text.lines() {
        for (digest, whose) in digests(line.trim(), name) {
            match whose {
                Whose::Ours => ours.push(digest),
                Whose::Nobodys => nobodys.push(digest),
                Whose::Others(found) => others.push(found),
            }
        }
    }
    let stated = if ours.is_empty() { nobodys } else { ours };
    let Some(one) = stated.first() else {
        return Err(match others.into_iter().next() {
            Some(found) => BadChecksum::OtherFile { found, expected: name.to_owned() },
            None => BadChecksum::NoDigest { found: first_words(&text) },
        });
    };
    match stated.iter().find(|digest| *digest != one) {
        Some(other) => Err(BadChecksum::Ambiguous { one: one.clone(), other: other.clone() }),
        None => Ok(one.clone()),
    }
}

fn first_words(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.chars().take(70).collect()
}

/// Text in UTF-8 or, where a mark or its zero bytes say so, UTF-16.
fn decoded(bytes: &[u8]) -> String {
    let units = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    let text: String = match bytes {
        [0xFF, 0xFE, rest @ ..] => units(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => units(rest, u16::from_be_bytes),
        [0, low, ..] if *low != 0 => units(bytes, u16::from_be_bytes),
        [low, 0, ..] if *low != 0 => units(bytes, u16::from_le_bytes),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    };
    text.trim_start_matches('\u{feff}').to_owned()
}

/// The digests of a line and whose they are.
fn digests(line: &str, name: &str) -> Vec<(String, Whose)> {
    let mut found = Vec::new();
    let mut at = 0;
    for word in line.split(|c: char| !c.is_alphanumeric()) {
        let start = at;
        // every separator is one character of its own
        at = start
            + word.len()
            + line[start + word.len()..].chars().next().map_or(0, char::len_utf8);
        if word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit()) {
            let (before, after) = (&line[..start], &line[start + 64..]);
            if let Some(whose) = whose(before, after, name) {
                found.push((word.to_ascii_lowercase(), whose));
            }
        }
    }
    found
}

/// Whose digest stands between `before` and `after`; `None` where a label says that it is no
/// SHA-256.
fn whose(before: &str, after: &str, name: &str) -> Option<Whose> {
    // BSD and OpenSSL: `SHA256 (name) = digest`
    if let Some((label, rest)) = before.split_once('(').filter(|_| before.trim_end().ends_with('='))
    {
        let label: String = label.chars().filter(char::is_ascii_alphanumeric).collect();
        if !matches!(label.to_ascii_uppercase().as_str(), "SHA256" | "SHA2256") {
            return None;
        }
        let inside = rest.rsplit_once(')').map_or(rest, |(inside, _)| inside);
        return Some(of_path(inside, name));
    }
    if has_name(before, name) || has_name(after, name) {
        return Some(Whose::Ours);
    }
    if before.trim_start_matches('\\').trim().is_empty() {
        // GNU: what follows is a name; `-` is the standard input
        let path = after.trim().trim_start_matches('*').trim_matches('"');
        return Some(if matches!(path, "" | "-") { Whose::Nobodys } else { of_path(path, name) });
    }
    let path = [after, before].into_iter().flat_map(str::split_whitespace).find(|word| {
        let word = word.trim_end_matches([':', '=', ',', ';', '.']);
        word.contains(['/', '\\', '.'])
    });
    Some(path.map_or(Whose::Nobodys, |path| of_path(path, name)))
}

/// Whose digest it is by a path in any system's form.
fn of_path(path: &str, name: &str) -> Whose {
    let base = path.rsplit(['/', '\\']).next().unwrap_or(path).trim();
    if base == name { Whose::Ours } else { Whose::Others(base.chars().take(70).collect()) }
}

/// Whether a text has the name as a whole, at its own or at the end of a path.
fn has_name(text: &str, name: &str) -> bool {
    let is_of_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        !before.chars().next_back().is_some_and(is_of_name)
            && !after.chars().next().is_some_and(is_of_name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "4a6836ceae18ee150f54de0d8d33d60864b0f4c18457e025d56711e61dfdd343";
    const OTHER: &str = "4a6836ceae18ee150f54de0d8d33d60864b0f4c18457e025d56711e61dfdd344";
    const NAME: &str = "A-1h-2024-12-31.zip";

    fn check(text: impl AsRef<[u8]>, expect: &str) {
        let text = text.as_ref();
        let shown = String::from_utf8_lossy(text);
        match parse_checksum(text, NAME) {
            Ok(got) if expect.is_empty() => assert_eq!(got, HEX, "{shown}"),
            Err(error) if !expect.is_empty() && error.to_string().contains(expect) => {}
            other => panic!("{shown:?}: {other:?}"),
        }
    }

    #[test]
    fn forms_of_one_line() {
        check(format!("{HEX}  {NAME}"), "");
        check(format!("{HEX}  {NAME}\n"), "");
        check(format!("{HEX} *{NAME}\r\n"), "");
        check(format!("\u{feff}{HEX}  {NAME}"), "");
        check(format!("{}\tdata/x/{NAME}", HEX.to_uppercase()), "");
        check(HEX, "");
        check(format!("{HEX}  -"), "");
        // GNU's escape, Windows' paths
        check(format!("\\{HEX} *C:\\\\my archive\\\\{NAME}"), "");
        check(format!("{HEX} *Downloads\\{NAME}\r\n"), "");
        check(format!("{HEX}  \"C:\\my archive\\{NAME}\""), "");
        // BSD, OpenSSL
        check(format!("SHA256 ({NAME}) = {HEX}"), "");
        check(format!("SHA2-256({NAME})= {}", HEX.to_uppercase()), "");
        check(format!("SHA256 (x/{NAME}) = {HEX}"), "");
        check(format!("SHA3-256 ({NAME}) = {HEX}"), "starts with `SHA3-256");
        // the name before the digest
        check(format!("{NAME}: {HEX}"), "");
        check(format!("sha256:{HEX}"), "");
    }

    #[test]
    fn forms_of_many_lines() {
        check(format!("{OTHER}  B.zip\n{HEX}  {NAME}\n{OTHER}  C.zip\n"), "");
        check(format!("MD5 ({NAME}) = {}\nSHA256 ({NAME}) = {HEX}\n", &OTHER[..32]), "");
        check(format!("SHA256 hash of {NAME}:\r\n{HEX}\r\nCertUtil: done.\r\n"), "");
        check(format!("Algorithm : SHA256\r\nHash      : {HEX}\r\nPath      : D:\\{NAME}\r\n"), "");
        check(format!("Algorithm  Hash  Path\n---  ---  ---\nSHA256  {HEX}  D:\\{NAME}\n"), "");
        check(format!("# made by a mirror\n\n{HEX}  {NAME}\n{HEX}  {NAME}\n"), "");
        check(format!("{HEX}  {NAME}\n{OTHER}  {NAME}\n"), "states both");
        check(format!("{HEX}\n{OTHER}\n"), "states both");
        // a line with the name counts before one without
        check(format!("{OTHER}\n{HEX}  {NAME}\n"), "");
    }

    #[test]
    fn utf_16_in_both_orders_with_and_without_a_mark() {
        let text = format!("{}\r\n", HEX.to_uppercase());
        for mark in ["", "\u{feff}"] {
            let units: Vec<u16> = format!("{mark}{text}").encode_utf16().collect();
            check(units.iter().flat_map(|u| u.to_le_bytes()).collect::<Vec<u8>>(), "");
            check(units.iter().flat_map(|u| u.to_be_bytes()).collect::<Vec<u8>>(), "");
        }
    }

    #[test]
    fn what_says_nothing_of_the_archive_is_told() {
        check(format!("{HEX}  B.zip"), "of `B.zip`, expected `A-1h-2024-12-31.zip`");
        check(format!("{HEX}  {NAME}.CHECKSUM"), "of `A-1h-2024-12-31.zip.CHECKSUM`");
        check(format!("{HEX}  BA-1h-2024-12-31.zip"), "of `BA-1h");
        check(format!("\\{HEX} *C:\\\\x\\\\B.zip"), "of `B.zip`");
        check(format!("SHA256 (B.zip) = {HEX}"), "of `B.zip`");
        check("<html>404</html>", "starts with `<html>404</html>`");
        check("", "64 hexadecimal digits");
        check(&HEX[1..], "64 hexadecimal digits");
        check(format!("{HEX}{HEX}  {NAME}"), "64 hexadecimal digits");
    }

    proptest::proptest! {
        #[test]
        fn no_checksum_file_makes_it_panic(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..1_200),
            digits in "[0-9a-fA-F]{62,66}",
            rest in r"[ \t\r\n*/\\(=).\PC]{0,20}",
        ) {
            let well = |found: Result<String, BadChecksum>| {
                found.is_ok_and(|hex| hex.len() == 64 && hex == hex.to_ascii_lowercase())
            };
            proptest::prop_assert!(!well(parse_checksum(&bytes, "A.zip")));
            let text = format!("{digits}  A.zip");
            proptest::prop_assert_eq!(
                well(parse_checksum(text.as_bytes(), "A.zip")),
                digits.len() == 64
            );
            let _ = parse_checksum(format!("{rest}{digits}{rest}").as_bytes(), "A.zip");
        }

        #[test]
        fn a_plain_digest_with_the_name_is_never_passed_over(
            digits in "[0-9a-f]{64}",
            path in r"([a-z :]{0,9}[/\\]){0,3}",
            star in "[ *]",
        ) {
            let text = format!("{digits} {star}{path}{NAME}");
            proptest::prop_assert_eq!(parse_checksum(text.as_bytes(), NAME), Ok(digits));
        }
    }
}
