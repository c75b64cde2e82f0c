//! What stands for the bytes of an object: its size, CRC-32 and SHA-256, read as a stream.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path as FilePath;

use futures::TryStreamExt as _;
use model::unit::hex;
use object_store::ObjectStoreExt as _;
use sha2::{Digest as _, Sha256};

use crate::blocking::blocking;
use crate::lake::{Lake, StoreError, location};
use crate::staged::LocalCopy;

/// Bytes that are read at once: few enough for the cache.
const CHUNK: usize = 128 << 10;

/// What stands for an object's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// Its size.
    pub bytes: u64,
    /// The CRC-32 of its bytes, as zip and gzip have it.
    pub crc32: u32,
    /// The SHA-256, lower-case hexadecimal; `None` where it was not asked for.
    pub sha256: Option<String>,
}

struct Hashes {
    bytes: u64,
    crc32: crc32fast::Hasher,
    sha256: Option<Sha256>,
}

impl Hashes {
    fn new(with_sha256: bool) -> Self {
        let crc32 = crc32fast::Hasher::new();
        Self { bytes: 0, crc32, sha256: with_sha256.then(Sha256::new) }
    }

    fn add(&mut self, chunk: &[u8]) {
        self.bytes += chunk.len() as u64;
        self.crc32.update(chunk);
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(chunk);
        }
    }

    fn done(self) -> Sum {
        let sha256 = self.sha256.map(|sha256| hex(&sha256.finalize()));
        Sum { bytes: self.bytes, crc32: self.crc32.finalize(), sha256 }
    }
}

/// Reads to the end and tells what stands for the bytes. Blocks.
///
/// # Errors
/// Whatever reading fails with.
pub fn of(bytes: &mut impl Read, with_sha256: bool) -> io::Result<Sum> {
    let mut hashes = Hashes::new(with_sha256);
    let mut chunk = vec![0; CHUNK];
    loop {
        match bytes.read(&mut chunk)? {
            0 => return Ok(hashes.done()),
            n => hashes.add(&chunk[..n]),
        }
    }
}

fn of_file(path: &FilePath, with_sha256: bool) -> Result<Sum, StoreError> {
    File::open(path)
        .and_then(|mut file| of(&mut file, with_sha256))
        .map_err(|source| StoreError::File { action: "read", path: path.to_owned(), source })
}

impl LocalCopy {
    /// Reads the file whole and tells what stands for its bytes. Blocks.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn sum(&self, with_sha256: bool) -> Result<Sum, StoreError> {
        of_file(self.path(), with_sha256)
    }
}

impl Lake {
    /// Reads an object whole and tells what stands for its bytes.
    ///
    /// # Errors
    /// [`StoreError`]; see [`StoreError::is_not_found`].
    pub async fn sum(&self, key: &str, with_sha256: bool) -> Result<Sum, StoreError> {
        let object = |source| StoreError::Object { action: "read", key: key.to_owned(), source };
        if let Some(path) = self.local_path(key) {
            self.objects.head(&location(key)).await.map_err(object)?;
            return blocking(move || of_file(&path, with_sha256)).await;
        }
        let mut stream = self.objects.get(&location(key)).await.map_err(object)?.into_stream();
        let mut hashes = Hashes::new(with_sha256);
        while let Some(chunk) = stream.try_next().await.map_err(object)? {
            hashes.add(&chunk);
        }
        Ok(hashes.done())
    }
}
