//! Large objects. They are written as a local file first and published whole, so that no reader
//! ever sees a part: on a directory by a rename, on S3 by a multipart upload.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path as FilePath, PathBuf};

use object_store::{ObjectStoreExt as _, PutPayload, WriteMultipart};
use tempfile::{NamedTempFile, TempPath};

use crate::lake::{Lake, StoreError, location};

/// Size of the parts of an upload.
const PART: usize = 8 << 20;

/// An object in the making. Dropped without [`Staged::publish`], it leaves nothing behind;
/// killed, it leaves a file in the lake's temporary folder.
#[derive(Debug)]
pub struct Staged {
    lake: Lake,
    file: NamedTempFile,
    bytes: u64,
}

impl Lake {
    /// Starts an object whose key is chosen when it is published.
    ///
    /// # Errors
    /// [`StoreError::File`] when the temporary folder cannot be written.
    pub fn stage(&self) -> Result<Staged, StoreError> {
        let file = tempfile::Builder::new().prefix("staged-").tempfile_in(self.temp()).map_err(
            |source| StoreError::File { action: "write", path: self.temp().to_owned(), source },
        )?;
        Ok(Staged { lake: self.clone(), file, bytes: 0 })
    }

    /// A local file with an object's bytes: the object itself where the lake is a directory,
    /// else a copy that is deleted when the value is dropped.
    ///
    /// # Errors
    /// [`StoreError`]; see [`StoreError::is_not_found`].
    pub async fn local_copy(&self, key: &str) -> Result<LocalCopy, StoreError> {
        let object = |source| StoreError::Object { action: "read", key: key.to_owned(), source };
        if let Some(path) = self.local_path(key) {
            self.objects.head(&location(key)).await.map_err(object)?;
            return Ok(LocalCopy { path, _temporary: None });
        }
        let mut result = self.objects.get(&location(key)).await.map_err(object)?.into_stream();
        let mut staged = self.stage()?;
        while let Some(chunk) =
            futures::TryStreamExt::try_next(&mut result).await.map_err(object)?
        {
            let path = staged.file.path().to_owned();
            staged.write_all(&chunk).map_err(|source| StoreError::File {
                action: "write",
                path,
                source,
            })?;
        }
        let temporary = staged.file.into_temp_path();
        Ok(LocalCopy { path: temporary.to_path_buf(), _temporary: Some(temporary) })
    }
}

impl Staged {
    /// Bytes written so far.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The temporary file, to read back what was written.
    pub fn path(&self) -> &FilePath {
        self.file.path()
    }

    /// Publishes the object under `key`, replacing what was there, and returns its size.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is visible then.
    pub async fn publish(self, key: &str) -> Result<u64, StoreError> {
        let bytes = self.bytes;
        if let Some(disk) = &self.lake.disk {
            let path = disk.path(key);
            // its folder is synced by the document that names it
            disk.place(self.file, &path, false).map_err(|source| StoreError::File {
                action: "write",
                path: path.clone(),
                source,
            })?;
            return Ok(bytes);
        }
        let Self { lake, file, .. } = self;
        let object = |source| StoreError::Object { action: "write", key: key.to_owned(), source };
        let local =
            |source| StoreError::File { action: "read", path: file.path().to_owned(), source };
        let location = location(key);
        let mut reader = File::open(file.path()).map_err(local)?;
        if bytes <= PART as u64 {
            let mut whole = Vec::with_capacity(bytes as usize);
            io::Read::read_to_end(&mut reader, &mut whole).map_err(local)?;
            lake.objects.put(&location, PutPayload::from(whole)).await.map_err(object)?;
        } else {
            let upload = lake.objects.put_multipart(&location).await.map_err(object)?;
            let mut upload = WriteMultipart::new_with_chunk_size(upload, PART);
            let mut part = vec![0; PART];
            loop {
                let n = io::Read::read(&mut reader, &mut part).map_err(local)?;
                if n == 0 {
                    break;
                }
                upload.wait_for_capacity(4).await.map_err(object)?;
                upload.write(&part[..n]);
            }
            upload.finish().await.map_err(object)?;
        }
        Ok(bytes)
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A local file with an object's bytes.
#[derive(Debug)]
pub struct LocalCopy {
    path: PathBuf,
    _temporary: Option<TempPath>,
}

impl LocalCopy {
    /// Where it lies.
    pub fn path(&self) -> &FilePath {
        &self.path
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub fn open(&self) -> Result<File, StoreError> {
        File::open(&self.path).map_err(|source| StoreError::File {
            action: "read",
            path: self.path.clone(),
            source,
        })
    }
}
