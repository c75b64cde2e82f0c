//! Whether anybody has told a key: looks for it in every file of a folder, in what is packed as well (zip, gzip, zstd,
//! and so the pages of the lake's Parquet files), and in what is packed within.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use flate2::read::{DeflateDecoder, GzDecoder};
use memchr::memmem;

/// How a frame of zstd, a member of gzip and one of a zip begin.
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
const GZIP: &[u8] = b"\x1f\x8b\x08";
const ZIP: &[u8] = b"PK\x03\x04";
/// How deep packed things are looked for in packed things.
const DEPTH: u32 = 3;
/// What is unpacked of one at most.
const MOST: u64 = 256 << 20;

/// What packed things of a kind hold that stand in some bytes.
type Unpack = fn(&[u8]) -> Vec<Vec<u8>>;

/// How many files of a folder hold none of some keys. Folders of the names `but` are left out, and so is what links
/// point to.
///
/// # Errors
/// When one holds a key or cannot be read.
pub fn nowhere(folder: &Path, keys: &[&str], but: &[&str]) -> Result<u64> {
    let mut looked = 0;
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot list `{}`", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            if kind.is_dir() {
                let is_left_out = but.iter().any(|name| entry.file_name() == *name);
                folders.extend((!is_left_out).then_some(path));
            } else if kind.is_file() {
                let bytes =
                    fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
                if holds(&bytes, keys, DEPTH) {
                    bail!("a key stands in `{}`", path.display());
                }
                looked += 1;
            }
        }
    }
    Ok(looked)
}

/// Whether bytes hold a key, as they are or once they are unpacked.
fn holds(bytes: &[u8], keys: &[&str], depth: u32) -> bool {
    if keys.iter().any(|key| memmem::find(bytes, key.as_bytes()).is_some()) {
        return true;
    }
    let unpacks: [Unpack; 3] = [zstd, gzip, zip];
    let mut texts = unpacks.into_iter().flat_map(|unpack| unpack(bytes));
    depth > 0 && texts.any(|text| holds(&text, keys, depth - 1))
}

/// What a reader gives before it ends or finds that it reads no such thing.
fn unpacked(reader: impl Read) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let _ = reader.take(MOST).read_to_end(&mut text);
    (!text.is_empty()).then_some(text)
}

/// The frames of zstd in some bytes.
fn zstd(bytes: &[u8]) -> Vec<Vec<u8>> {
    memmem::find_iter(bytes, ZSTD)
        .filter_map(|at| {
            let frame = zstd::Decoder::with_buffer(bytes.get(at..)?).ok()?.single_frame();
            unpacked(frame)
        })
        .collect()
}

/// The members of gzip.
fn gzip(bytes: &[u8]) -> Vec<Vec<u8>> {
    memmem::find_iter(bytes, GZIP)
        .filter_map(|at| unpacked(GzDecoder::new(bytes.get(at..)?)))
        .collect()
}

/// The members of zips that are packed; others show as they are. No directory is asked: a zip may be cut.
fn zip(bytes: &[u8]) -> Vec<Vec<u8>> {
    let length = |head: &[u8], at: usize| -> Option<usize> {
        let pair: [u8; 2] = head.get(at..at + 2)?.try_into().ok()?;
        Some(u16::from_le_bytes(pair).into())
    };
    memmem::find_iter(bytes, ZIP)
        .filter_map(|at| {
            let head = bytes.get(at..)?;
            let (name, extra) = (length(head, 26)?, length(head, 28)?);
            unpacked(DeflateDecoder::new(head.get(30 + name + extra..)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const KEY: &str = "a-key-of-somebody-that-nobody-tells";

    type Packed = (&'static str, fn(&[u8]) -> Vec<u8>);

    /// A text that is the shorter for being packed, so that the key does not stand in it as it is.
    fn text(key: &str) -> Vec<u8> {
        let lines = (0..200).map(|n| format!("line {} has {key} too\n", n * 7_919));
        lines.collect::<String>().into_bytes()
    }

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zipped(bytes: &[u8]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated);
        zip.start_file("001-answer.json", options).unwrap();
        zip.write_all(bytes).unwrap();
        zip.finish().unwrap().into_inner()
    }

    fn framed(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 3).unwrap()
    }

    /// A page of a Parquet file stands behind its header and before the next.
    fn paged(bytes: &[u8]) -> Vec<u8> {
        let (other, page) = (framed(b"other page"), framed(bytes));
        [b"PAR1 header".as_slice(), &other, b"header", &page, b"footer PAR1"].concat()
    }

    #[test]
    fn a_key_is_found_however_it_is_packed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/down");
        fs::create_dir(folder.path().join("deep")).unwrap();
        let ways: [Packed; 7] = [
            ("as it is", <[u8]>::to_vec),
            ("gzip", gzipped),
            ("zip", zipped),
            ("zstd", framed),
            ("parquet", paged),
            ("gzip in zip", |bytes| zipped(&gzipped(bytes))),
            ("a zip that is cut", |bytes| {
                let mut whole = zipped(bytes);
                whole.truncate(whole.len() - 60);
                whole
            }),
        ];
        for (way, pack) in ways {
            fs::write(&file, pack(&text("another-key"))).unwrap();
            assert_eq!(nowhere(folder.path(), &["x-y-z", KEY], &[]).unwrap(), 1, "{way}");
            let packed = pack(&text(KEY));
            let shows = memmem::find(&packed, KEY.as_bytes()).is_some();
            assert_eq!(shows, way == "as it is", "{way}: else nothing is unpacked here");
            fs::write(&file, packed).unwrap();
            let error = nowhere(folder.path(), &["x-y-z", KEY], &[]).unwrap_err().to_string();
            assert!(error.contains("down"), "{way}: {error}");
            assert_eq!(nowhere(folder.path(), &[KEY], &["deep"]).unwrap(), 0);
        }
    }
}
